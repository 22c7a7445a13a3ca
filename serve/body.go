package serve

import (
	"errors"
	"io"
	"net/http"
)

// firstBuffer is what a body gets before any of it has arrived: a client that announces
// much and sends nothing holds no more.
const firstBuffer = 16 << 10

// readBody reads the body of a request. Its memory is counted as it arrives.
func readBody(w http.ResponseWriter, r *http.Request, most int64, held *reservation) ([]byte, error) {
	switch encoding := r.Header.Get("Content-Encoding"); encoding {
	case "", "identity":
	default:
		return nil, failf(http.StatusUnsupportedMediaType, "the body must not be compressed, got Content-Encoding %q", encoding)
	}
	if r.ContentLength > most {
		w.Header().Set("Connection", "close") // its body is not read
		return nil, tooLarge(most)
	}
	from := http.MaxBytesReader(w, r.Body, most)
	size := r.ContentLength
	if size < 0 {
		size = most
	}
	// One byte more than announced, so that the end shows without another buffer.
	body := make([]byte, 0, min(size+1, firstBuffer))
	if err := held.take(int64(cap(body))); err != nil {
		return nil, err
	}
	for {
		if len(body) == cap(body) {
			larger := min(4*int64(cap(body)), size+1)
			if err := held.take(larger); err != nil {
				return nil, err
			}
			grown := make([]byte, len(body), larger)
			copy(grown, body)
			body = grown
		}
		n, err := from.Read(body[len(body):cap(body)])
		body = body[:len(body)+n]
		if errors.Is(err, io.EOF) {
			return body, nil
		}
		if err != nil {
			return nil, bodyError(err, most)
		}
	}
}
