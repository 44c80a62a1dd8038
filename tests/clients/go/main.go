// Drives every payment flow through the official Go module, unmodified.
// Takes HAZINA_URL and HAZINA_SECRET_KEY; prints one JSON line per step; ends with code 1 when one does not hold.
// The steps have the names in ../steps.json; the other clients run the same ones.

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"reflect"
	"time"

	"github.com/stripe/stripe-go/v85"
)

const (
	pollsMax    = 60
	pollSeconds = 250 * time.Millisecond
)

type facts map[string]any

type story struct {
	api  *stripe.Client
	ctx  context.Context
	seen map[string]string
}

// failure is what a step panics with when something does not hold.
type failure struct{ text string }

func main() {
	text, err := os.ReadFile("../steps.json")
	check(err)
	var names []string
	check(json.Unmarshal(text, &names))
	told := &story{api: newClient(), ctx: context.Background(), seen: map[string]string{}}
	steps := told.steps()
	for _, name := range names {
		step, known := steps[name]
		if !known {
			report(name, nil, fmt.Errorf("this client has no such step"))
		}
		found, problem := run(step)
		report(name, found, problem)
	}
}

func newClient() *stripe.Client {
	// Retries inside the module would hide an answer that should never have been given.
	config := &stripe.BackendConfig{
		URL:               stripe.String(os.Getenv("HAZINA_URL")),
		MaxNetworkRetries: stripe.Int64(0),
		EnableTelemetry:   stripe.Bool(false),
		LeveledLogger:     &stripe.LeveledLogger{Level: stripe.LevelNull},
	}
	backends := stripe.NewBackendsWithConfig(config)
	return stripe.NewClient(os.Getenv("HAZINA_SECRET_KEY"), stripe.WithBackends(backends))
}

func run(step func() facts) (found facts, problem error) {
	defer func() {
		if caught := recover(); caught != nil {
			broken, ours := caught.(failure)
			if !ours {
				panic(caught)
			}
			problem = errors.New(broken.text)
		}
	}()
	return step(), nil
}

func report(name string, found facts, problem error) {
	line := facts{"step": name, "ok": problem == nil, "facts": found}
	if problem != nil {
		line["error"] = problem.Error()
	}
	text, err := json.Marshal(line)
	check(err)
	fmt.Println(string(text))
	if problem != nil {
		os.Exit(1)
	}
}

func check(err error) {
	if err != nil {
		panic(failure{err.Error()})
	}
}

func must[T any](value T, err error) T {
	check(err)
	return value
}

func demand(holds bool, format string, values ...any) {
	if !holds {
		panic(failure{fmt.Sprintf(format, values...)})
	}
}

func equal(found, expected any) {
	demand(reflect.DeepEqual(found, expected), "%v is not %v", found, expected)
}

// refused demands that a request was refused with this type of error.
func refused[T any](kind stripe.ErrorType) func(T, error) *stripe.Error {
	return func(_ T, err error) *stripe.Error {
		var refusal *stripe.Error
		demand(errors.As(err, &refusal), "accepted, although %s was expected: %v", kind, err)
		equal(refusal.Type, kind)
		return refusal
	}
}
