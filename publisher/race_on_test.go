//go:build race

package publisher

// raceEnabled says that the tests run with the race detector, which is ten times slower.
// The longest enumerations are sampled then. make test runs the package both ways.
const raceEnabled = true
