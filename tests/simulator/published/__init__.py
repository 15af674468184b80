"""Published results, reproduced in virtual time. docs/simulator.md says which, and which could not be."""
