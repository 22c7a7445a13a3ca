package data

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"slices"
)

// Numbers are samples of any numbers, with or without labels.
type Numbers struct {
	values      []float32
	labels      []int
	size        int
	predictions int
}

// NewNumbers returns samples of size numbers each, one after the other in values,
// with as many labels for each as labels holds: none if it is empty. It keeps both
// slices. An error tells where they are not whole samples.
func NewNumbers(values []float32, size int, labels []int) (*Numbers, error) {
	if size < 1 || len(values)%size != 0 {
		return nil, fmt.Errorf("data: %d values are not whole samples of %d", len(values), size)
	}
	n := len(values) / size
	if n == 0 && len(labels) > 0 || n > 0 && len(labels)%n != 0 {
		return nil, fmt.Errorf("data: %d labels for %d samples", len(labels), n)
	}
	predictions := 0
	if n > 0 {
		predictions = len(labels) / n
	}
	return &Numbers{values, labels, size, predictions}, nil
}

// Len returns the number of samples.
func (m *Numbers) Len() int { return len(m.values) / m.size }

// Size returns how many numbers a sample has.
func (m *Numbers) Size() int { return m.size }

// Predictions returns how many labels a sample has.
func (m *Numbers) Predictions() int { return m.predictions }

// Slice returns the samples from (included) to to (excluded). It shares the memory
// of m.
func (m *Numbers) Slice(from, to int) *Numbers {
	return &Numbers{
		m.values[from*m.size : to*m.size : to*m.size],
		m.labels[from*m.predictions : to*m.predictions : to*m.predictions],
		m.size, m.predictions,
	}
}

// Fill writes the samples of the given indices and their labels, as [Samples] says.
func (m *Numbers) Fill(x []float32, labels []int, indices []int) {
	checkFill(m, "samples", x, labels, indices)
	for k, i := range indices {
		copy(x[k*m.size:], m.values[i*m.size:][:m.size])
		copy(labels[k*m.predictions:], m.labels[i*m.predictions:][:m.predictions])
	}
}

// Digest returns the SHA-256 of all numbers and labels, in hexadecimal.
func (m *Numbers) Digest() string {
	h := sha256.New()
	var b []byte
	for v := range slices.Chunk(m.values, 1<<14) {
		b = b[:0]
		for _, x := range v {
			b = binary.LittleEndian.AppendUint32(b, math.Float32bits(x))
		}
		h.Write(b)
	}
	b = b[:0]
	for _, l := range m.labels {
		b = binary.LittleEndian.AppendUint64(b, uint64(l))
	}
	h.Write(b)
	return hex.EncodeToString(h.Sum(nil))
}
