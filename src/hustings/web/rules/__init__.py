"""House rules: what people agree to before they raise a hand or come on stage."""
