// Command asof syncs package repositories and publishes them as immutable,
// timestamped trees on object storage, and serves any moment of them.
package main

import "os"

func main() {
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}
