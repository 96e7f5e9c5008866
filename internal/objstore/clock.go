package objstore

import "time"

// Clock is a store that may have another clock than this machine: a server, which says
// what time it is with every answer, or a folder that another machine exports. To ask costs
// no request.
type Clock interface {
	// Time returns the time now by the store's clock. The result is false as long as
	// nothing is known of it. Where the clock agrees with this machine's, to the second,
	// it is the same time. With write, the caller is about to write: then a folder may
	// make a file of its own to find out, which does not stay.
	Time(write bool) (now time.Time, known bool)
}
