//go:build !unix

package guard

import (
	"bytes"
	"testing"
	"unsafe"
)

const margin = 256

// End returns n zero elements of a type without pointers, followed by bytes
// that must not have changed when the test ends. Reads past the end pass
// unseen on this system.
func End[T any](t testing.TB, n int) []T { return between[T](t, n) }

// Begin is [End]: the bytes before the elements are checked too.
func Begin[T any](t testing.TB, n int) []T { return between[T](t, n) }

func between[T any](t testing.TB, n int) []T {
	size := sizeOf[T](n)
	words := make([]uint64, (size+2*margin)/8+1)
	m := unsafe.Slice((*byte)(unsafe.Pointer(&words[0])), len(words)*8)
	for i := range m {
		m[i] = 0xa5
	}
	before, after := m[:margin], m[margin+size:]
	want := bytes.Repeat([]byte{0xa5}, len(m))
	t.Cleanup(func() {
		if !bytes.Equal(before, want[:len(before)]) || !bytes.Equal(after, want[:len(after)]) {
			t.Error("guard: memory beside a slice was written to")
		}
	})
	clear(m[margin : margin+size])
	return unsafe.Slice((*T)(unsafe.Pointer(&m[margin])), n)
}
