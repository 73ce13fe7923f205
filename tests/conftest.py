"""What all tests share. Tiers: unit (pure, virtual time), contract, integration (loopback), e2e (browsers)."""
