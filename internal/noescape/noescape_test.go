package noescape

import "testing"

// TestPointersFollowTheStack: a pointer into a stack that grows is the new one, also
// under the race detector.
func TestPointersFollowTheStack(t *testing.T) {
	for depth := range 300 {
		result := make(chan float64)
		go func() { result <- deep(depth, throughPointer) }()
		if got := <-result; got != 7 {
			t.Fatalf("at depth %d what was written to the stack is lost: %v", depth, got)
		}
	}
}

// deep calls f at the end of so many frames.
//
//go:noinline
func deep(n int, f func() float64) float64 {
	var frame [64]byte
	frame[n%64] = 1
	if n == 0 {
		return f()
	}
	return deep(n-1, f) + float64(frame[(n+1)%64])
}

func throughPointer() float64 {
	var buffer [8]float64
	write(Pointer(&buffer[3]), Pointer(&buffer[0]))
	return buffer[3]
}

var write = func(p, q *float64) { *p = 7 + *q }
