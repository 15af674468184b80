"""The fast method: jumps from transition to transition over arrays, for labs in which each unit is on its own."""
