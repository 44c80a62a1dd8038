import com.stripe.exception.CardException;
import com.stripe.exception.IdempotencyException;
import com.stripe.exception.InvalidRequestException;
import com.stripe.exception.AuthenticationException;
import com.stripe.exception.StripeException;
import com.stripe.model.Account;
import com.stripe.model.Balance;
import com.stripe.model.BalanceTransaction;
import com.stripe.model.Charge;
import com.stripe.model.Customer;
import com.stripe.model.Event;
import com.stripe.model.PaymentIntent;
import com.stripe.model.PaymentMethod;
import com.stripe.model.Refund;
import com.stripe.model.StripeCollection;
import com.stripe.model.WebhookEndpoint;
import com.stripe.net.RequestOptions;
import com.stripe.param.BalanceTransactionListParams;
import com.stripe.param.CustomerCreateParams;
import com.stripe.param.CustomerListParams;
import com.stripe.param.CustomerUpdateParams;
import com.stripe.param.EventListParams;
import com.stripe.param.PaymentIntentCancelParams;
import com.stripe.param.PaymentIntentCaptureParams;
import com.stripe.param.PaymentIntentConfirmParams;
import com.stripe.param.PaymentIntentCreateParams;
import com.stripe.param.PaymentIntentListParams;
import com.stripe.param.PaymentIntentRetrieveParams;
import com.stripe.param.PaymentIntentUpdateParams;
import com.stripe.param.RefundCreateParams;
import com.stripe.param.RefundListParams;
import com.stripe.param.WebhookEndpointCreateParams;
import com.stripe.service.V1Services;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.UUID;
import java.util.stream.Stream;

/** The steps; what one makes, later ones read. */
final class Steps {
  private static final int POLLS_MAX = 60;
  private static final int POLL_MILLISECONDS = 250;

  private final V1Services api;
  private final Map<String, String> seen = new LinkedHashMap<>();

  /** A request that is expected to be refused. */
  interface Request {
    Object send() throws StripeException;
  }

  Steps(V1Services api) {
    this.api = api;
  }

  Map<String, Scenario.Step> byName() {
    Map<String, Scenario.Step> steps = new LinkedHashMap<>();
    steps.put("account", this::account);
    steps.put("payment_method", this::paymentMethod);
    steps.put("automatic_capture", this::automaticCapture);
    steps.put("manual_partial_capture", this::manualPartialCapture);
    steps.put("partial_refunds", this::partialRefunds);
    steps.put("three_d_secure_completed", this::threeDSecureCompleted);
    steps.put("three_d_secure_failed", this::threeDSecureFailed);
    steps.put("decline_and_second_try", this::declineAndSecondTry);
    steps.put("cancel", this::cancel);
    steps.put("update_and_metadata", this::updateAndMetadata);
    steps.put("idempotent_replay", this::idempotentReplay);
    steps.put("refused_requests", this::refusedRequests);
    steps.put("customers", this::customers);
    steps.put("auto_pagination", this::autoPagination);
    steps.put("events", this::events);
    steps.put("balance", this::balance);
    steps.put("balance_transactions", this::balanceTransactions);
    steps.put("webhook_endpoints", this::webhookEndpoints);
    return steps;
  }

  private Map<String, ?> account() throws StripeException {
    Account account = api.accounts().retrieveCurrent();
    demand(account.getId().startsWith("acct_"), account.getId());
    return Map.of("account", account.getId());
  }

  private Map<String, ?> paymentMethod() throws StripeException {
    PaymentMethod method = api.paymentMethods().retrieve("pm_card_visa");
    equal("card", method.getType());
    equal("visa 4242", method.getCard().getBrand() + " " + method.getCard().getLast4());
    return Map.of("payment_method", method.getId());
  }

  private Map<String, ?> automaticCapture() throws Exception {
    PaymentIntent paid = settled(create(confirmed(2000)), "succeeded");
    equal(2000L, paid.getAmountReceived());
    equal(0L, paid.getAmountCapturable());
    PaymentIntent whole =
        api.paymentIntents()
            .retrieve(
                paid.getId(),
                PaymentIntentRetrieveParams.builder()
                    .addExpand("latest_charge.balance_transaction")
                    .addExpand("payment_method")
                    .build());
    Charge charge = whole.getLatestChargeObject();
    demand(charge.getPaid() && charge.getCaptured(), charge.getId());
    equal("succeeded", charge.getStatus());
    equal(2000L, charge.getAmountCaptured());
    BalanceTransaction entry = charge.getBalanceTransactionObject();
    equal(2000L, entry.getAmount());
    equal(entry.getAmount() - entry.getFee(), entry.getNet());
    equal("4242", whole.getPaymentMethodObject().getCard().getLast4());
    seen.put("intent", paid.getId());
    seen.put("charge", charge.getId());
    seen.put("entry", entry.getId());
    return Map.of("payment_intent", paid.getId(), "charge", charge.getId());
  }

  private Map<String, ?> manualPartialCapture() throws Exception {
    PaymentIntent made =
        create(
            confirmed(5000)
                .setPaymentMethod("pm_card_mastercard")
                .setCaptureMethod(PaymentIntentCreateParams.CaptureMethod.MANUAL));
    PaymentIntent held = settled(made, "requires_capture");
    equal(List.of(5000L, 0L), List.of(held.getAmountCapturable(), held.getAmountReceived()));
    PaymentIntentCaptureParams part =
        PaymentIntentCaptureParams.builder().setAmountToCapture(3000L).build();
    PaymentIntent paid = settled(api.paymentIntents().capture(held.getId(), part), "succeeded");
    equal(List.of(0L, 3000L), List.of(paid.getAmountCapturable(), paid.getAmountReceived()));
    Charge charge = api.charges().retrieve(paid.getLatestCharge());
    equal(List.of(5000L, 3000L), List.of(charge.getAmount(), charge.getAmountCaptured()));
    seen.put("partialIntent", paid.getId());
    seen.put("partialCharge", charge.getId());
    return Map.of("payment_intent", paid.getId());
  }

  private Map<String, ?> partialRefunds() throws Exception {
    String intent = seen.get("partialIntent");
    String charge = seen.get("partialCharge");
    Refund first =
        refund(RefundCreateParams.builder().setPaymentIntent(intent).setAmount(1000L).build());
    Refund second =
        refund(
            RefundCreateParams.builder()
                .setCharge(charge)
                .setAmount(500L)
                .setReason(RefundCreateParams.Reason.REQUESTED_BY_CUSTOMER)
                .build());
    Charge part = api.charges().retrieve(charge);
    equal(List.of(1500L, false), List.of(part.getAmountRefunded(), part.getRefunded()));
    RefundCreateParams tooMuch =
        RefundCreateParams.builder().setPaymentIntent(intent).setAmount(1501L).build();
    equal(400, refused(InvalidRequestException.class, () -> api.refunds().create(tooMuch)).getStatusCode());
    Refund rest = refund(RefundCreateParams.builder().setPaymentIntent(intent).build());
    equal(1500L, rest.getAmount());
    Charge whole = api.charges().retrieve(charge);
    equal(List.of(3000L, true), List.of(whole.getAmountRefunded(), whole.getRefunded()));
    List<String> listed =
        api.refunds().list(RefundListParams.builder().setPaymentIntent(intent).build()).getData().stream()
            .map(Refund::getId)
            .toList();
    equal(List.of(rest.getId(), second.getId(), first.getId()), listed);
    return Map.of("refunds", listed);
  }

  private Map<String, ?> threeDSecureCompleted() throws Exception {
    PaymentIntent paid = settled(challenged("complete"), "succeeded");
    equal(2100L, paid.getAmountReceived());
    equal(null, paid.getNextAction());
    return Map.of("payment_intent", paid.getId());
  }

  private Map<String, ?> threeDSecureFailed() throws Exception {
    PaymentIntent failed = settled(challenged("fail"), "requires_payment_method");
    equal("payment_intent_authentication_failure", failed.getLastPaymentError().getCode());
    equal(0L, failed.getAmountReceived());
    return Map.of("payment_intent", failed.getId());
  }

  private Map<String, ?> declineAndSecondTry() throws Exception {
    PaymentIntent made =
        create(PaymentIntentCreateParams.builder().setAmount(2200L).setCurrency("usd"));
    equal("requires_payment_method", made.getStatus());
    CardException declined =
        refused(
            CardException.class,
            () ->
                api.paymentIntents()
                    .confirm(made.getId(), with("pm_card_chargeDeclinedInsufficientFunds")));
    equal(List.of(402, "card_declined"), List.of(declined.getStatusCode(), declined.getCode()));
    equal("insufficient_funds", declined.getDeclineCode());
    equal("requires_payment_method", declined.getStripeError().getPaymentIntent().getStatus());
    PaymentIntent after = api.paymentIntents().retrieve(made.getId());
    equal("insufficient_funds", after.getLastPaymentError().getDeclineCode());
    Charge failed = api.charges().retrieve(after.getLatestCharge());
    equal(List.of("failed", false), List.of(failed.getStatus(), failed.getPaid()));
    PaymentIntent again = api.paymentIntents().confirm(made.getId(), with("pm_card_visa"));
    PaymentIntent paid = settled(again, "succeeded");
    demand(!paid.getLatestCharge().equals(failed.getId()), "the failed charge was used again");
    return Map.of("payment_intent", paid.getId(), "failed_charge", failed.getId());
  }

  private Map<String, ?> cancel() throws Exception {
    PaymentIntent bare =
        create(PaymentIntentCreateParams.builder().setAmount(2300L).setCurrency("usd"));
    PaymentIntent held =
        create(confirmed(2400).setCaptureMethod(PaymentIntentCreateParams.CaptureMethod.MANUAL));
    settled(held, "requires_capture");
    PaymentIntentCancelParams why =
        PaymentIntentCancelParams.builder()
            .setCancellationReason(PaymentIntentCancelParams.CancellationReason.ABANDONED)
            .build();
    for (PaymentIntent one : List.of(bare, held)) {
      PaymentIntent ended = settled(api.paymentIntents().cancel(one.getId(), why), "canceled");
      equal("abandoned", ended.getCancellationReason());
      equal(0L, ended.getAmountCapturable());
      demand(ended.getCanceledAt() > 0, "no time of cancellation");
    }
    refused(InvalidRequestException.class, () -> api.paymentIntents().confirm(bare.getId()));
    return Map.of("payment_intents", List.of(bare.getId(), held.getId()));
  }

  private Map<String, ?> updateAndMetadata() throws StripeException {
    PaymentIntent made =
        create(
            PaymentIntentCreateParams.builder()
                .setAmount(2500L)
                .setCurrency("usd")
                .putMetadata("order", "7")
                .putMetadata("colour", "red"));
    PaymentIntent changed =
        api.paymentIntents()
            .update(
                made.getId(),
                PaymentIntentUpdateParams.builder()
                    .setAmount(2600L)
                    .setDescription("seventh")
                    .putMetadata("colour", "")
                    .putMetadata("size", "L")
                    .build());
    equal(List.of(2600L, "seventh"), List.of(changed.getAmount(), changed.getDescription()));
    equal(Map.of("order", "7", "size", "L"), changed.getMetadata());
    return Map.of("payment_intent", made.getId());
  }

  private Map<String, ?> idempotentReplay() throws StripeException {
    RequestOptions options =
        RequestOptions.builder().setIdempotencyKey("replay-" + UUID.randomUUID()).build();
    PaymentIntent first = api.paymentIntents().create(confirmed(2700).build(), options);
    PaymentIntent second = api.paymentIntents().create(confirmed(2700).build(), options);
    equal(first.getId(), second.getId());
    demand(replayed(first).findAny().isEmpty(), "the first answer is called a replay");
    equal(List.of("true"), replayed(second).toList());
    demand(first.getLastResponse().requestId() != null, "no request id");
    refused(
        IdempotencyException.class, () -> api.paymentIntents().create(confirmed(1).build(), options));
    return Map.of("payment_intent", first.getId());
  }

  private static Stream<String> replayed(PaymentIntent one) {
    return one.getLastResponse().headers().firstValue("Idempotent-Replayed").stream();
  }

  private Map<String, ?> refusedRequests() throws StripeException {
    PaymentIntentCreateParams.Builder plain =
        PaymentIntentCreateParams.builder().setCurrency("usd");
    InvalidRequestException negative =
        refused(InvalidRequestException.class, () -> create(plain.setAmount(-1L)));
    equal(List.of(400, "amount"), List.of(negative.getStatusCode(), negative.getParam()));
    InvalidRequestException unknown =
        refused(
            InvalidRequestException.class,
            () -> create(plain.setAmount(2000L).putExtraParam("colour", "red")));
    equal(List.of("parameter_unknown", "colour"), List.of(unknown.getCode(), unknown.getParam()));
    InvalidRequestException missing =
        refused(InvalidRequestException.class, () -> api.paymentIntents().retrieve("pi_absent"));
    equal(List.of(404, "resource_missing"), List.of(missing.getStatusCode(), missing.getCode()));
    RequestOptions stranger =
        RequestOptions.builder().setApiKey("sk_test_nobodyhasthiskey0000").build();
    refused(AuthenticationException.class, () -> api.balance().retrieve(stranger));
    return Map.of();
  }

  private Map<String, ?> customers() throws Exception {
    Customer made =
        api.customers()
            .create(
                CustomerCreateParams.builder()
                    .setEmail("jenny@example.com")
                    .putMetadata("tier", "gold")
                    .build());
    Customer changed =
        api.customers()
            .update(
                made.getId(),
                CustomerUpdateParams.builder().setName("Jenny Rosen").putMetadata("tier", "").build());
    equal(List.of("Jenny Rosen", "jenny@example.com"), List.of(changed.getName(), changed.getEmail()));
    equal(Map.of(), changed.getMetadata());
    PaymentIntent paid = settled(create(confirmed(2800).setCustomer(made.getId())), "succeeded");
    StripeCollection<PaymentIntent> listed =
        api.paymentIntents().list(PaymentIntentListParams.builder().setCustomer(made.getId()).build());
    equal(List.of(paid.getId()), listed.getData().stream().map(PaymentIntent::getId).toList());
    demand(api.customers().delete(made.getId()).getDeleted(), "not deleted");
    demand(api.customers().retrieve(made.getId()).getDeleted(), "not deleted");
    return Map.of("customer", made.getId());
  }

  private Map<String, ?> autoPagination() throws StripeException {
    List<String> made = new ArrayList<>();
    for (int number = 0; number < 5; number++) {
      String email = "page-" + number + "@example.com";
      made.add(0, api.customers().create(CustomerCreateParams.builder().setEmail(email).build()).getId());
    }
    CustomerListParams.Builder two = CustomerListParams.builder().setLimit(2L);
    StripeCollection<Customer> first = api.customers().list(two.build());
    equal(List.of(true, 2), List.of(first.getHasMore(), first.getData().size()));
    List<String> found = new ArrayList<>();
    for (Customer one : first.autoPagingIterable()) {
      found.add(one.getId());
      if (found.size() == 5) {
        break;
      }
    }
    equal(made, found);
    StripeCollection<Customer> back = api.customers().list(two.setEndingBefore(made.get(4)).build());
    equal(made.subList(2, 4), back.getData().stream().map(Customer::getId).toList());
    return Map.of("customers", made);
  }

  private Map<String, ?> events() throws StripeException {
    EventListParams params =
        EventListParams.builder().setType("payment_intent.succeeded").setLimit(5L).build();
    List<Event> found = new ArrayList<>();
    for (Event one : api.events().list(params).autoPagingIterable()) {
      if (one.getDataObjectDeserializer().getRawJson().contains(seen.get("intent"))) {
        found.add(one);
      }
    }
    equal(1, found.size());
    String raw = found.get(0).getDataObjectDeserializer().getRawJson();
    demand(raw.contains("\"status\":\"succeeded\""), raw);
    Event again = api.events().retrieve(found.get(0).getId());
    equal(raw, again.getDataObjectDeserializer().getRawJson());
    return Map.of("event", again.getId());
  }

  private Map<String, ?> balance() throws StripeException {
    Balance balance = api.balance().retrieve();
    boolean dollars =
        Stream.concat(
                balance.getAvailable().stream().map(Balance.Available::getCurrency),
                balance.getPending().stream().map(Balance.Pending::getCurrency))
            .anyMatch("usd"::equals);
    demand(dollars, "no dollars in the balance");
    demand(!balance.getLivemode(), "the balance is live");
    return Map.of();
  }

  private Map<String, ?> balanceTransactions() throws StripeException {
    BalanceTransaction entry = api.balanceTransactions().retrieve(seen.get("entry"));
    equal(List.of("charge", seen.get("charge")), List.of(entry.getType(), entry.getSource()));
    BalanceTransactionListParams params = BalanceTransactionListParams.builder().setLimit(3L).build();
    boolean here = false;
    boolean refunded = false;
    for (BalanceTransaction one : api.balanceTransactions().list(params).autoPagingIterable()) {
      here |= one.getId().equals(entry.getId());
      refunded |= one.getType().equals("refund") && one.getAmount() == -1000;
    }
    demand(here && refunded, "the entry or the refund is not listed");
    return Map.of("balance_transaction", entry.getId());
  }

  private Map<String, ?> webhookEndpoints() throws StripeException {
    WebhookEndpoint made =
        api.webhookEndpoints()
            .create(
                WebhookEndpointCreateParams.builder()
                    .setUrl("http://127.0.0.1:9/webhooks")
                    .addEnabledEvent(WebhookEndpointCreateParams.EnabledEvent.REFUND__FAILED)
                    .build());
    demand(made.getSecret().startsWith("whsec_"), "no signing secret");
    for (WebhookEndpoint one : api.webhookEndpoints().list().getData()) {
      equal(null, one.getSecret());
    }
    demand(api.webhookEndpoints().delete(made.getId()).getDeleted(), "not deleted");
    return Map.of("webhook_endpoint", made.getId());
  }

  private static PaymentIntentCreateParams.Builder confirmed(long amount) {
    return PaymentIntentCreateParams.builder()
        .setAmount(amount)
        .setCurrency("usd")
        .setConfirm(true)
        .setPaymentMethod("pm_card_visa")
        .setReturnUrl(Cardholder.RETURN_URL);
  }

  private static PaymentIntentConfirmParams with(String method) {
    return PaymentIntentConfirmParams.builder()
        .setPaymentMethod(method)
        .setReturnUrl(Cardholder.RETURN_URL)
        .build();
  }

  private PaymentIntent create(PaymentIntentCreateParams.Builder params) throws StripeException {
    return api.paymentIntents().create(params.build());
  }

  private PaymentIntent challenged(String choice) throws Exception {
    PaymentIntent made = create(confirmed(2100).setPaymentMethod("pm_card_authenticationRequired"));
    equal("requires_action", made.getStatus());
    equal("redirect_to_url", made.getNextAction().getType());
    Cardholder.answer(made.getNextAction().getRedirectToUrl().getUrl(), choice);
    return api.paymentIntents().retrieve(made.getId());
  }

  private Refund refund(RefundCreateParams params) throws Exception {
    Refund one = api.refunds().create(params);
    for (int poll = 0; !one.getStatus().equals("succeeded") && poll < POLLS_MAX; poll++) {
      Thread.sleep(POLL_MILLISECONDS);
      one = api.refunds().retrieve(one.getId());
    }
    equal("succeeded", one.getStatus());
    return one;
  }

  /** Read an intent again while its outcome is awaited, and demand where it ends. */
  private PaymentIntent settled(PaymentIntent intent, String status) throws Exception {
    for (int poll = 0; !intent.getStatus().equals(status) && poll < POLLS_MAX; poll++) {
      demand(List.of("processing", "requires_action").contains(intent.getStatus()), intent.getStatus());
      Thread.sleep(POLL_MILLISECONDS);
      intent = api.paymentIntents().retrieve(intent.getId());
    }
    equal(status, intent.getStatus());
    return intent;
  }

  private static <T extends StripeException> T refused(Class<T> kind, Request request)
      throws StripeException {
    try {
      request.send();
    } catch (StripeException refusal) {
      if (kind.isInstance(refusal)) {
        return kind.cast(refusal);
      }
      throw refusal;
    }
    throw new AssertionError("accepted, although " + kind.getSimpleName() + " was expected");
  }

  private static void demand(boolean holds, String otherwise) {
    if (!holds) {
      throw new AssertionError(otherwise);
    }
  }

  private static void equal(Object expected, Object found) {
    demand(Objects.equals(expected, found), found + " is not " + expected);
  }
}
