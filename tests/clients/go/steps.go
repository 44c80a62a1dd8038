// The steps of the scenario, by the names in ../steps.json.

package main

import (
	"strings"
	"time"

	"github.com/stripe/stripe-go/v85"
)

func (s *story) steps() map[string]func() facts {
	return map[string]func() facts{
		"account":                  s.account,
		"payment_method":           s.paymentMethod,
		"automatic_capture":        s.automaticCapture,
		"manual_partial_capture":   s.manualPartialCapture,
		"partial_refunds":          s.partialRefunds,
		"three_d_secure_completed": s.threeDSecureCompleted,
		"three_d_secure_failed":    s.threeDSecureFailed,
		"decline_and_second_try":   s.declineAndSecondTry,
		"cancel":                   s.cancel,
		"update_and_metadata":      s.updateAndMetadata,
		"idempotent_replay":        s.idempotentReplay,
		"refused_requests":         s.refusedRequests,
		"customers":                s.customers,
		"auto_pagination":          s.autoPagination,
		"events":                   s.events,
		"balance":                  s.balance,
		"balance_transactions":     s.balanceTransactions,
		"webhook_endpoints":        s.webhookEndpoints,
	}
}

func (s *story) account() facts {
	account := must(s.api.V1Accounts.Retrieve(s.ctx, nil))
	demand(strings.HasPrefix(account.ID, "acct_"), "%s is no account", account.ID)
	return facts{"account": account.ID}
}

func (s *story) paymentMethod() facts {
	method := must(s.api.V1PaymentMethods.Retrieve(s.ctx, "pm_card_visa", nil))
	equal(string(method.Type), "card")
	equal([]string{string(method.Card.Brand), method.Card.Last4}, []string{"visa", "4242"})
	return facts{"payment_method": method.ID}
}

func (s *story) automaticCapture() facts {
	paid := s.settled(s.pay(2000, nil), "succeeded")
	equal([]int64{paid.AmountReceived, paid.AmountCapturable}, []int64{2000, 0})
	expand := stripe.StringSlice([]string{"latest_charge.balance_transaction", "payment_method"})
	whole := must(s.api.V1PaymentIntents.Retrieve(
		s.ctx, paid.ID, &stripe.PaymentIntentRetrieveParams{Expand: expand}))
	charge := whole.LatestCharge
	demand(charge.Paid && charge.Captured, "%s is not captured", charge.ID)
	equal([]any{string(charge.Status), charge.AmountCaptured}, []any{"succeeded", int64(2000)})
	entry := charge.BalanceTransaction
	equal([]int64{entry.Amount, entry.Net}, []int64{2000, entry.Amount - entry.Fee})
	equal(whole.PaymentMethod.Card.Last4, "4242")
	s.seen["intent"], s.seen["charge"], s.seen["entry"] = paid.ID, charge.ID, entry.ID
	return facts{"payment_intent": paid.ID, "charge": charge.ID}
}

func (s *story) manualPartialCapture() facts {
	made := s.pay(5000, func(params *stripe.PaymentIntentCreateParams) {
		params.PaymentMethod = stripe.String("pm_card_mastercard")
		params.CaptureMethod = stripe.String("manual")
	})
	held := s.settled(made, "requires_capture")
	equal([]int64{held.AmountCapturable, held.AmountReceived}, []int64{5000, 0})
	part := &stripe.PaymentIntentCaptureParams{AmountToCapture: stripe.Int64(3000)}
	paid := s.settled(must(s.api.V1PaymentIntents.Capture(s.ctx, held.ID, part)), "succeeded")
	equal([]int64{paid.AmountCapturable, paid.AmountReceived}, []int64{0, 3000})
	charge := must(s.api.V1Charges.Retrieve(s.ctx, paid.LatestCharge.ID, nil))
	equal([]int64{charge.Amount, charge.AmountCaptured}, []int64{5000, 3000})
	s.seen["partialIntent"], s.seen["partialCharge"] = paid.ID, charge.ID
	return facts{"payment_intent": paid.ID}
}

func (s *story) partialRefunds() facts {
	intent, charge := stripe.String(s.seen["partialIntent"]), stripe.String(s.seen["partialCharge"])
	first := s.refund(&stripe.RefundCreateParams{PaymentIntent: intent, Amount: stripe.Int64(1000)})
	second := s.refund(&stripe.RefundCreateParams{
		Charge: charge, Amount: stripe.Int64(500), Reason: stripe.String("requested_by_customer")})
	part := must(s.api.V1Charges.Retrieve(s.ctx, *charge, nil))
	equal([]any{part.AmountRefunded, part.Refunded}, []any{int64(1500), false})
	tooMuch := &stripe.RefundCreateParams{PaymentIntent: intent, Amount: stripe.Int64(1501)}
	over := refused[*stripe.Refund](stripe.ErrorTypeInvalidRequest)(s.api.V1Refunds.Create(s.ctx, tooMuch))
	equal(over.HTTPStatusCode, 400)
	rest := s.refund(&stripe.RefundCreateParams{PaymentIntent: intent})
	equal(rest.Amount, int64(1500))
	whole := must(s.api.V1Charges.Retrieve(s.ctx, *charge, nil))
	equal([]any{whole.AmountRefunded, whole.Refunded}, []any{int64(3000), true})
	listed := s.api.V1Refunds.List(s.ctx, &stripe.RefundListParams{PaymentIntent: intent})
	check(listed.Err())
	var ids []string
	for _, one := range listed.Data() {
		ids = append(ids, one.ID)
	}
	equal(ids, []string{rest.ID, second.ID, first.ID})
	return facts{"refunds": ids}
}

func (s *story) threeDSecureCompleted() facts {
	paid := s.settled(s.challenged("complete"), "succeeded")
	equal(paid.AmountReceived, int64(2100))
	demand(paid.NextAction == nil, "there is still an action")
	return facts{"payment_intent": paid.ID}
}

func (s *story) threeDSecureFailed() facts {
	failed := s.settled(s.challenged("fail"), "requires_payment_method")
	equal(string(failed.LastPaymentError.Code), "payment_intent_authentication_failure")
	equal(failed.AmountReceived, int64(0))
	return facts{"payment_intent": failed.ID}
}

func (s *story) declineAndSecondTry() facts {
	made := must(s.api.V1PaymentIntents.Create(s.ctx, &stripe.PaymentIntentCreateParams{
		Amount: stripe.Int64(2200), Currency: stripe.String("usd")}))
	equal(string(made.Status), "requires_payment_method")
	with := func(method string) *stripe.PaymentIntentConfirmParams {
		return &stripe.PaymentIntentConfirmParams{
			PaymentMethod: stripe.String(method), ReturnURL: stripe.String(returnURL)}
	}
	declined := refused[*stripe.PaymentIntent](stripe.ErrorTypeCard)(s.api.V1PaymentIntents.Confirm(
		s.ctx, made.ID, with("pm_card_chargeDeclinedInsufficientFunds")))
	equal([]any{declined.HTTPStatusCode, string(declined.Code)}, []any{402, "card_declined"})
	equal(string(declined.DeclineCode), "insufficient_funds")
	equal(string(declined.PaymentIntent.Status), "requires_payment_method")
	after := must(s.api.V1PaymentIntents.Retrieve(s.ctx, made.ID, nil))
	equal(string(after.LastPaymentError.DeclineCode), "insufficient_funds")
	failed := must(s.api.V1Charges.Retrieve(s.ctx, after.LatestCharge.ID, nil))
	equal([]any{string(failed.Status), failed.Paid}, []any{"failed", false})
	again := must(s.api.V1PaymentIntents.Confirm(s.ctx, made.ID, with("pm_card_visa")))
	paid := s.settled(again, "succeeded")
	demand(paid.LatestCharge.ID != failed.ID, "the failed charge was used again")
	return facts{"payment_intent": paid.ID, "failed_charge": failed.ID}
}

func (s *story) cancel() facts {
	bare := must(s.api.V1PaymentIntents.Create(s.ctx, &stripe.PaymentIntentCreateParams{
		Amount: stripe.Int64(2300), Currency: stripe.String("usd")}))
	held := s.pay(2400, func(params *stripe.PaymentIntentCreateParams) {
		params.CaptureMethod = stripe.String("manual")
	})
	s.settled(held, "requires_capture")
	for _, one := range []*stripe.PaymentIntent{bare, held} {
		why := &stripe.PaymentIntentCancelParams{CancellationReason: stripe.String("abandoned")}
		ended := s.settled(must(s.api.V1PaymentIntents.Cancel(s.ctx, one.ID, why)), "canceled")
		equal([]any{string(ended.CancellationReason), ended.AmountCapturable}, []any{"abandoned", int64(0)})
		demand(ended.CanceledAt > 0, "no time of cancellation")
	}
	refused[*stripe.PaymentIntent](stripe.ErrorTypeInvalidRequest)(
		s.api.V1PaymentIntents.Confirm(s.ctx, bare.ID, nil))
	return facts{"payment_intents": []string{bare.ID, held.ID}}
}

func (s *story) updateAndMetadata() facts {
	made := must(s.api.V1PaymentIntents.Create(s.ctx, &stripe.PaymentIntentCreateParams{
		Amount: stripe.Int64(2500), Currency: stripe.String("usd"),
		Metadata: map[string]string{"order": "7", "colour": "red"}}))
	changed := must(s.api.V1PaymentIntents.Update(s.ctx, made.ID, &stripe.PaymentIntentUpdateParams{
		Amount: stripe.Int64(2600), Description: stripe.String("seventh"),
		Metadata: map[string]string{"colour": "", "size": "L"}}))
	equal([]any{changed.Amount, changed.Description}, []any{int64(2600), "seventh"})
	equal(changed.Metadata, map[string]string{"order": "7", "size": "L"})
	return facts{"payment_intent": made.ID}
}

func (s *story) idempotentReplay() facts {
	key := "replay-" + time.Now().Format(time.RFC3339Nano)
	asked := func(amount int64) *stripe.PaymentIntentCreateParams {
		params := confirmed(amount)
		params.SetIdempotencyKey(key)
		return params
	}
	first := must(s.api.V1PaymentIntents.Create(s.ctx, asked(2700)))
	second := must(s.api.V1PaymentIntents.Create(s.ctx, asked(2700)))
	equal(second.ID, first.ID)
	equal(first.LastResponse.Header.Get("Idempotent-Replayed"), "")
	equal(second.LastResponse.Header.Get("Idempotent-Replayed"), "true")
	demand(first.LastResponse.RequestID != "", "no request id")
	refused[*stripe.PaymentIntent](stripe.ErrorTypeIdempotency)(
		s.api.V1PaymentIntents.Create(s.ctx, asked(1)))
	return facts{"payment_intent": first.ID}
}

func (s *story) refusedRequests() facts {
	invalid := refused[*stripe.PaymentIntent](stripe.ErrorTypeInvalidRequest)
	negative := invalid(s.api.V1PaymentIntents.Create(s.ctx, &stripe.PaymentIntentCreateParams{
		Amount: stripe.Int64(-1), Currency: stripe.String("usd")}))
	equal([]any{negative.HTTPStatusCode, negative.Param}, []any{400, "amount"})
	odd := &stripe.PaymentIntentCreateParams{Amount: stripe.Int64(2000), Currency: stripe.String("usd")}
	odd.AddExtra("colour", "red")
	unknown := invalid(s.api.V1PaymentIntents.Create(s.ctx, odd))
	equal([]string{string(unknown.Code), unknown.Param}, []string{"parameter_unknown", "colour"})
	missing := invalid(s.api.V1PaymentIntents.Retrieve(s.ctx, "pi_absent", nil))
	equal([]any{missing.HTTPStatusCode, string(missing.Code)}, []any{404, "resource_missing"})
	stranger := &stripe.BalanceRetrieveParams{}
	stranger.Headers = map[string][]string{"Authorization": {"Bearer sk_test_nobodyhasthiskey0000"}}
	_, err := s.api.V1Balance.Retrieve(s.ctx, stranger)
	denied, is := err.(*stripe.Error)
	demand(is, "a stranger's key was accepted: %v", err)
	equal(denied.HTTPStatusCode, 401)
	return facts{}
}
