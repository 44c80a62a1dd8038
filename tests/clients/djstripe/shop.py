"""A Django shop that keeps its Stripe data with dj-stripe, unmodified, and reads it from Hazina.

Takes HAZINA_URL, HAZINA_SECRET_KEY and the folder of its database as argument; on standard input a
webhook: `payload`, `header`, the `endpoint` that it was sent to and its `secret`. Prints what it
holds afterwards: ids by model, and what became of the webhook.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import django
from django.conf import settings
from django.core.management import call_command

APPS = ["django.contrib.auth", "django.contrib.contenttypes", "djstripe"]
MODELS = ("Customer", "PaymentMethod", "PaymentIntent", "Charge", "Refund", "Event")


def configure(folder: Path) -> None:
    """Set Django up with what dj-stripe needs; STRIPE_API_HOST is all that points to Hazina."""
    settings.configure(
        ALLOWED_HOSTS=["testserver"],
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": folder / "shop.db"}},
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        DJSTRIPE_FOREIGN_KEY_TO_FIELD="id",
        INSTALLED_APPS=APPS,
        # Tables are made from the models at once: replaying the migrations takes over a minute.
        MIGRATION_MODULES={app.rpartition(".")[2]: None for app in APPS},
        ROOT_URLCONF="urls",
        SECRET_KEY="only for this test",
        STRIPE_API_HOST=os.environ["HAZINA_URL"],
        STRIPE_LIVE_MODE=False,
        STRIPE_TEST_SECRET_KEY=os.environ["HAZINA_SECRET_KEY"],
        USE_TZ=True,
    )
    django.setup()


def main() -> None:
    """Sync everything, take the webhook, and print what is there."""
    configure(Path(sys.argv[1]))
    from django.test import Client
    from djstripe import models

    call_command("migrate", run_syncdb=True, verbosity=0)
    call_command(
        "djstripe_sync_models", "WebhookEndpoint", *MODELS, api_keys=[], fail_on_error=True,
        stdout=sys.stderr,
    )  # fmt: skip
    webhook = json.load(sys.stdin)
    endpoint = models.WebhookEndpoint.objects.get(id=webhook["endpoint"])
    endpoint.secret = webhook["secret"]
    endpoint.save()
    event_id = json.loads(webhook["payload"])["id"]
    models.Event.objects.filter(id=event_id).delete()

    def posted(payload: str) -> int:
        reply = Client().post(
            f"/stripe/webhook/{endpoint.djstripe_uuid}/", payload,
            content_type="application/json", headers={"stripe-signature": webhook["header"]},
        )  # fmt: skip
        return reply.status_code

    altered = posted(webhook["payload"].replace("usd", "eur"))
    accepted = posted(webhook["payload"])
    trigger = models.WebhookEventTrigger.objects.last()
    found = {name: sorted(_ids(getattr(models, name))) for name in MODELS}
    outcome = {"altered": altered, "accepted": accepted, "processed": trigger.processed}
    print(json.dumps({"found": found, "webhook": outcome | {"event": trigger.event_id}}))


def _ids(model: object) -> list[str]:
    return list(model.objects.values_list("id", flat=True))


if __name__ == "__main__":
    main()
