"""Callbacks from providers: verified, stored raw once, applied later at our own pace."""
