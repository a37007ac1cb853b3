package auth

// Throttle slows guessing down, by account and by network.
type Throttle struct{}
