"""The hosted page of checkout: plain HTML on our own pages, without a script."""
