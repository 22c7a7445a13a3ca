package serve

import (
	"sync/atomic"
)

// A memory is what all requests together may hold, in bytes.
type memory struct {
	most int64
	used atomic.Int64
}

// A reservation is what one request holds of it. It is for one goroutine.
type reservation struct {
	from *memory
	size int64
}

// take adds to the reservation, or returns an error if there is not so much left.
func (r *reservation) take(bytes int64) error {
	if r.from.used.Add(bytes) > r.from.most {
		r.from.used.Add(-bytes)
		return overloaded(rejectedMemory, "the server has no memory left for the request; try again later")
	}
	r.size += bytes
	return nil
}

// release gives all of it back.
func (r *reservation) release() {
	r.from.used.Add(-r.size)
	r.size = 0
}
