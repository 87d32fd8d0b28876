"""Statement and catalog to plan: pure, no network, no terminal."""
