// Answers a 3-D Secure page as a cardholder's browser would.

package main

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
)

var (
	formPattern   = regexp.MustCompile(`(?is)<form([^>]*)>(.*?)</form>`)
	fieldPattern  = regexp.MustCompile(`(?is)<(?:input|button)([^>]*)>`)
	attribPattern = regexp.MustCompile(`([a-z]+)="([^"]*)"`)
	browser       = &http.Client{CheckRedirect: stopAtReturn}
)

const returnURL = "http://127.0.0.1:9/merchant/return"

// answerChallenge opens the page, submits the form that offers the choice, and stops at the merchant's page.
func answerChallenge(page, choice string) error {
	reply, err := browser.Get(page)
	if err != nil {
		return err
	}
	defer reply.Body.Close()
	body, err := io.ReadAll(reply.Body)
	if err != nil {
		return err
	}
	for _, form := range formPattern.FindAllStringSubmatch(string(body), -1) {
		fields, offered := url.Values{}, false
		for _, field := range fieldPattern.FindAllStringSubmatch(form[2], -1) {
			given := attributes(field[1])
			if given["name"] == "result" {
				offered = offered || given["value"] == choice
			} else if given["type"] == "hidden" {
				fields.Set(given["name"], given["value"])
			}
		}
		if offered {
			fields.Set("result", choice)
			return submit(reply.Request.URL, attributes(form[1]), fields)
		}
	}
	return fmt.Errorf("no form on %s", page)
}

func submit(page *url.URL, form map[string]string, fields url.Values) error {
	target, err := page.Parse(form["action"])
	if err != nil {
		return err
	}
	if strings.EqualFold(form["method"], "post") {
		_, err = browser.PostForm(target.String(), fields)
	} else {
		target.RawQuery = fields.Encode()
		_, err = browser.Get(target.String())
	}
	return err
}

func attributes(text string) map[string]string {
	found := map[string]string{}
	for _, pair := range attribPattern.FindAllStringSubmatch(text, -1) {
		found[pair[1]] = strings.ReplaceAll(pair[2], "&amp;", "&")
	}
	return found
}

func stopAtReturn(next *http.Request, before []*http.Request) error {
	if strings.HasPrefix(next.URL.String(), returnURL) {
		return http.ErrUseLastResponse
	}
	if len(before) > 6 {
		return errors.New("too many redirects")
	}
	return nil
}
