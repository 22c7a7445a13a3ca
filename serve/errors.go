package serve

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
)

// statusClientGone is what logs and metrics show where the client did not wait for an
// answer. No client sees it.
const statusClientGone = 499

// Why requests are rejected because of load.
const (
	rejectedQueue       = "queue"       // no room for its samples
	rejectedConcurrency = "concurrency" // too many requests
	rejectedMemory      = "memory"      // too much in all requests
	rejectedTimeout     = "timeout"     // it waited too long
	rejectedStopped     = "stopped"     // the server has ended
)

var rejections = []string{rejectedQueue, rejectedConcurrency, rejectedMemory, rejectedTimeout, rejectedStopped}

// A requestError is an answer other than 200.
type requestError struct {
	status int
	text   string
	reason string // why it was rejected, for the metrics; empty if it was not for load
}

func (e *requestError) Error() string { return e.text }

func failf(status int, format string, args ...any) error {
	return &requestError{status: status, text: fmt.Sprintf(format, args...)}
}

func badRequestf(format string, args ...any) error {
	return failf(http.StatusBadRequest, format, args...)
}

// overloaded is an answer to a request that may be sent again later.
func overloaded(reason, text string) error {
	return &requestError{status: http.StatusServiceUnavailable, text: text, reason: reason}
}

// asRequestError finds the answer to a request that failed.
func asRequestError(err error) *requestError {
	if e, ok := errors.AsType[*requestError](err); ok {
		return e
	}
	switch {
	case errors.Is(err, errQueueFull):
		return overloaded(rejectedQueue, err.Error()).(*requestError)
	case errors.Is(err, errStopped):
		return overloaded(rejectedStopped, err.Error()).(*requestError)
	case errors.Is(err, context.DeadlineExceeded):
		return overloaded(rejectedTimeout, "the request waited too long for the model; try again later").(*requestError)
	case errors.Is(err, context.Canceled):
		return &requestError{status: statusClientGone, text: "the client is gone"}
	}
	return &requestError{status: http.StatusInternalServerError, text: err.Error()}
}

// bodyError finds the answer to a request whose body cannot be read.
func bodyError(err error, most int64) error {
	if errors.As(err, new(*http.MaxBytesError)) {
		return tooLarge(most)
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return failf(http.StatusRequestTimeout, "the body did not arrive in time")
	}
	return badRequestf("the body is not whole: %v", err)
}

func tooLarge(most int64) error {
	return failf(http.StatusRequestEntityTooLarge, "the body must be at most %d bytes", most)
}
