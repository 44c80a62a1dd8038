// The rest of the steps, and what they share.

package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/stripe/stripe-go/v85"
)

func (s *story) customers() facts {
	made := must(s.api.V1Customers.Create(s.ctx, &stripe.CustomerCreateParams{
		Email: stripe.String("jenny@example.com"), Metadata: map[string]string{"tier": "gold"}}))
	changed := must(s.api.V1Customers.Update(s.ctx, made.ID, &stripe.CustomerUpdateParams{
		Name: stripe.String("Jenny Rosen"), Metadata: map[string]string{"tier": ""}}))
	equal([]string{changed.Name, changed.Email}, []string{"Jenny Rosen", "jenny@example.com"})
	equal(len(changed.Metadata), 0)
	paid := s.settled(s.pay(2800, func(params *stripe.PaymentIntentCreateParams) {
		params.Customer = stripe.String(made.ID)
	}), "succeeded")
	listed := s.api.V1PaymentIntents.List(s.ctx, &stripe.PaymentIntentListParams{
		Customer: stripe.String(made.ID)})
	check(listed.Err())
	equal(len(listed.Data()), 1)
	equal(listed.Data()[0].ID, paid.ID)
	demand(must(s.api.V1Customers.Delete(s.ctx, made.ID, nil)).Deleted, "not deleted")
	demand(must(s.api.V1Customers.Retrieve(s.ctx, made.ID, nil)).Deleted, "not deleted")
	return facts{"customer": made.ID}
}

func (s *story) autoPagination() facts {
	var made []string
	for number := range 5 {
		email := fmt.Sprintf("page-%d@example.com", number)
		one := must(s.api.V1Customers.Create(s.ctx, &stripe.CustomerCreateParams{Email: &email}))
		made = append([]string{one.ID}, made...)
	}
	params := func() *stripe.CustomerListParams {
		listed := &stripe.CustomerListParams{}
		listed.Limit = stripe.Int64(2)
		return listed
	}
	first := s.api.V1Customers.List(s.ctx, params())
	check(first.Err())
	equal([]any{first.Meta().HasMore, len(first.Data())}, []any{true, 2})
	var found []string
	for one, err := range first.All(s.ctx) {
		check(err)
		if found = append(found, one.ID); len(found) == 5 {
			break
		}
	}
	equal(found, made)
	before := params()
	before.EndingBefore = stripe.String(made[4])
	before.Single = true
	back := s.api.V1Customers.List(s.ctx, before)
	check(back.Err())
	// The module hands out a page that was read backwards from its end.
	equal([]string{back.Data()[1].ID, back.Data()[0].ID}, made[2:4])
	return facts{"customers": made}
}

func (s *story) events() facts {
	params := &stripe.EventListParams{Type: stripe.String("payment_intent.succeeded")}
	params.Limit = stripe.Int64(5)
	var found []*stripe.Event
	for one, err := range s.api.V1Events.List(s.ctx, params).All(s.ctx) {
		check(err)
		if one.Data.Object["id"] == s.seen["intent"] {
			found = append(found, one)
		}
	}
	equal(len(found), 1)
	equal(found[0].Data.Object["status"], "succeeded")
	again := must(s.api.V1Events.Retrieve(s.ctx, found[0].ID, nil))
	equal(again.Data.Object, found[0].Data.Object)
	return facts{"event": again.ID}
}

func (s *story) balance() facts {
	balance := must(s.api.V1Balance.Retrieve(s.ctx, nil))
	dollars := false
	for _, part := range balance.Available {
		dollars = dollars || part.Currency == "usd"
	}
	for _, part := range balance.Pending {
		dollars = dollars || part.Currency == "usd"
	}
	demand(dollars, "no dollars in the balance")
	demand(!balance.Livemode, "the balance is live")
	return facts{}
}

func (s *story) balanceTransactions() facts {
	entry := must(s.api.V1BalanceTransactions.Retrieve(s.ctx, s.seen["entry"], nil))
	equal([]string{string(entry.Type), entry.Source.ID}, []string{"charge", s.seen["charge"]})
	params := &stripe.BalanceTransactionListParams{}
	params.Limit = stripe.Int64(3)
	here, refunded := false, false
	for one, err := range s.api.V1BalanceTransactions.List(s.ctx, params).All(s.ctx) {
		check(err)
		here = here || one.ID == entry.ID
		refunded = refunded || one.Type == "refund" && one.Amount == -1000
	}
	demand(here && refunded, "the entry or the refund is not listed")
	return facts{"balance_transaction": entry.ID}
}

func (s *story) webhookEndpoints() facts {
	made := must(s.api.V1WebhookEndpoints.Create(s.ctx, &stripe.WebhookEndpointCreateParams{
		URL:           stripe.String("http://127.0.0.1:9/webhooks"),
		EnabledEvents: stripe.StringSlice([]string{"refund.failed"})}))
	demand(strings.HasPrefix(made.Secret, "whsec_"), "no signing secret")
	listed := s.api.V1WebhookEndpoints.List(s.ctx, nil)
	check(listed.Err())
	for _, one := range listed.Data() {
		demand(one.Secret == "", "a list shows a signing secret")
	}
	demand(must(s.api.V1WebhookEndpoints.Delete(s.ctx, made.ID, nil)).Deleted, "not deleted")
	return facts{"webhook_endpoint": made.ID}
}

func confirmed(amount int64) *stripe.PaymentIntentCreateParams {
	return &stripe.PaymentIntentCreateParams{
		Amount: stripe.Int64(amount), Currency: stripe.String("usd"), Confirm: stripe.Bool(true),
		PaymentMethod: stripe.String("pm_card_visa"), ReturnURL: stripe.String(returnURL)}
}

func (s *story) pay(amount int64, change func(*stripe.PaymentIntentCreateParams)) *stripe.PaymentIntent {
	params := confirmed(amount)
	if change != nil {
		change(params)
	}
	return must(s.api.V1PaymentIntents.Create(s.ctx, params))
}

func (s *story) challenged(choice string) *stripe.PaymentIntent {
	made := s.pay(2100, func(params *stripe.PaymentIntentCreateParams) {
		params.PaymentMethod = stripe.String("pm_card_authenticationRequired")
	})
	equal(string(made.Status), "requires_action")
	equal(string(made.NextAction.Type), "redirect_to_url")
	check(answerChallenge(made.NextAction.RedirectToURL.URL, choice))
	return must(s.api.V1PaymentIntents.Retrieve(s.ctx, made.ID, nil))
}

func (s *story) refund(params *stripe.RefundCreateParams) *stripe.Refund {
	one := must(s.api.V1Refunds.Create(s.ctx, params))
	for poll := 0; one.Status != "succeeded" && poll < pollsMax; poll++ {
		time.Sleep(pollSeconds)
		one = must(s.api.V1Refunds.Retrieve(s.ctx, one.ID, nil))
	}
	equal(string(one.Status), "succeeded")
	return one
}

// settled reads an intent again while its outcome is awaited, and demands where it ends.
func (s *story) settled(intent *stripe.PaymentIntent, status string) *stripe.PaymentIntent {
	for poll := 0; string(intent.Status) != status && poll < pollsMax; poll++ {
		waits := intent.Status == "processing" || intent.Status == "requires_action"
		demand(waits, "%s is %s", intent.ID, intent.Status)
		time.Sleep(pollSeconds)
		intent = must(s.api.V1PaymentIntents.Retrieve(s.ctx, intent.ID, nil))
	}
	equal(string(intent.Status), status)
	return intent
}
