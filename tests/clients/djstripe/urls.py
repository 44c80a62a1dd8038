"""The shop's addresses: where dj-stripe takes webhooks."""

from __future__ import annotations

from django.urls import include, path

urlpatterns = [path("stripe/", include("djstripe.urls", namespace="djstripe"))]
