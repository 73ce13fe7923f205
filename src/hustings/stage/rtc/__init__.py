"""WebRTC as transport only: ICE, DTLS and SRTP in, raw Opus packets out, and back."""
