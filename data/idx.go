package data

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
)

// The IDX format (LeCun): two zero bytes, the type of the values, the number
// of dimensions, each dimension as a big-endian uint32, the values.
const (
	idxUint8 = 0x08 // the type of unsigned bytes
	// idxMaxDims bounds the header. No set of images has more than four.
	idxMaxDims = 8
)

// maxPixels bounds what ReadImages takes: 20 times the training images of
// MNIST.
const maxPixels = 1 << 30

// ReadIDX reads an IDX file of unsigned bytes from r: its dimensions, 1 to 8
// of them, and its values. It reads to the end of r and holds no more memory
// than the values that have arrived. More than max values, another type,
// values that are missing and bytes that are left over are errors.
func ReadIDX(r io.Reader, max int64) (dims []int, pixels []uint8, err error) {
	var magic [4]byte
	if err := readHeader(r, magic[:]); err != nil {
		return nil, nil, err
	}
	if magic[0] != 0 || magic[1] != 0 {
		return nil, nil, fmt.Errorf("data: not an IDX file: it begins with %#02x %#02x, not with two zeros", magic[0], magic[1])
	}
	if magic[2] != idxUint8 {
		return nil, nil, fmt.Errorf("data: IDX values are of type %#02x, only unsigned bytes (%#02x) are read", magic[2], idxUint8)
	}
	n := int(magic[3])
	if n < 1 || n > idxMaxDims {
		return nil, nil, fmt.Errorf("data: IDX header has %d dimensions, expected 1 to %d", n, idxMaxDims)
	}
	header := make([]byte, 4*n)
	if err := readHeader(r, header); err != nil {
		return nil, nil, err
	}
	dims = make([]int, n)
	size := int64(1)
	for i := range dims {
		d := binary.BigEndian.Uint32(header[4*i:])
		if d > math.MaxInt32 {
			return nil, nil, fmt.Errorf("data: IDX dimension %d is %d, too large", i, d)
		}
		dims[i] = int(d)
		if d != 0 && size > max/int64(d) {
			return nil, nil, fmt.Errorf("data: IDX header announces more than %d values", max)
		}
		size *= int64(d)
	}
	// The buffer grows with what arrives, not with what the header says.
	var values bytes.Buffer
	values.Grow(int(min(size+1, 1<<16)))
	got, err := io.Copy(&values, io.LimitReader(r, size+1))
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF) || err == nil && got < size:
		return nil, nil, fmt.Errorf("data: IDX file is truncated: %d of %d values", got, size)
	case err != nil:
		return nil, nil, fmt.Errorf("data: IDX values: %w", err)
	case got > size:
		return nil, nil, fmt.Errorf("data: IDX file has bytes after its %d values", size)
	}
	return dims, slices.Clip(values.Bytes()), nil
}

// readHeader fills p, a part of the header.
func readHeader(r io.Reader, p []byte) error {
	_, err := io.ReadFull(r, p)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errors.New("data: IDX file is truncated: it ends within its header")
	}
	if err != nil {
		return fmt.Errorf("data: IDX header: %w", err)
	}
	return nil
}

// WriteIDX writes values as an IDX file of unsigned bytes with the given
// dimensions, 1 to 8 of them, whose product must be len(values).
func WriteIDX(w io.Writer, dims []int, values []uint8) error {
	if len(dims) < 1 || len(dims) > idxMaxDims {
		return fmt.Errorf("data: IDX takes 1 to %d dimensions, got %d", idxMaxDims, len(dims))
	}
	header := []byte{0, 0, idxUint8, byte(len(dims))}
	size := int64(1)
	for _, d := range dims {
		if d < 0 || int64(d) > math.MaxInt32 {
			return fmt.Errorf("data: IDX dimension must be of 0 to %d, got %d", math.MaxInt32, d)
		}
		if d != 0 && size > math.MaxInt64/int64(d) {
			return fmt.Errorf("data: IDX dimensions %v are too large", dims)
		}
		size *= int64(d)
		header = binary.BigEndian.AppendUint32(header, uint32(d))
	}
	if size != int64(len(values)) {
		return fmt.Errorf("data: IDX dimensions %v hold %d values, got %d", dims, size, len(values))
	}
	if _, err := w.Write(header); err != nil {
		return fmt.Errorf("data: write IDX: %w", err)
	}
	if _, err := w.Write(values); err != nil {
		return fmt.Errorf("data: write IDX: %w", err)
	}
	return nil
}

// ReadImages reads images and their labels from two IDX files of unsigned
// bytes, plain or compressed by gzip; the content decides which, not the name.
// The images have dimensions (count, height, width) or (count, height, width,
// channels), at most 2^30 values in all; the labels have (count).
//
// Errors name the file.
func ReadImages(imagesFile, labelsFile string) (*Images, error) {
	return readImages(imagesFile, labelsFile, 256)
}

// readImages is ReadImages for labels below classes.
func readImages(imagesFile, labelsFile string, classes int) (*Images, error) {
	labelDims, labels, err := readIDXFile(labelsFile)
	if err != nil {
		return nil, err
	}
	if len(labelDims) != 1 {
		return nil, fmt.Errorf("data: %s: labels must have 1 dimension, got %d: %v", labelsFile, len(labelDims), labelDims)
	}
	if i := slices.IndexFunc(labels, func(l uint8) bool { return int(l) >= classes }); i >= 0 {
		return nil, fmt.Errorf("data: %s: label %d is %d, must be below %d", labelsFile, i, labels[i], classes)
	}
	dims, pixels, err := readIDXFile(imagesFile)
	if err != nil {
		return nil, err
	}
	if len(dims) != 3 && len(dims) != 4 {
		return nil, fmt.Errorf("data: %s: images must have 3 or 4 dimensions, got %d: %v", imagesFile, len(dims), dims)
	}
	if slices.Contains(dims, 0) {
		return nil, fmt.Errorf("data: %s: holds no images: its dimensions are %v", imagesFile, dims)
	}
	if dims[0] != len(labels) {
		return nil, fmt.Errorf("data: %s has %d images, but %s has %d labels", imagesFile, dims[0], labelsFile, len(labels))
	}
	m := &Images{Height: dims[1], Width: dims[2], Channels: 1, Pixels: pixels, Labels: labels}
	if len(dims) == 4 {
		m.Channels = dims[3]
	}
	return m, nil
}

// readIDXFile reads an IDX file that is plain or compressed.
func readIDXFile(name string) (dims []int, values []uint8, err error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, nil, fmt.Errorf("data: %w", err)
	}
	defer f.Close()
	r := bufio.NewReaderSize(f, 1<<16)
	var plain io.Reader = r
	if magic, _ := r.Peek(2); bytes.Equal(magic, []byte{0x1f, 0x8b}) {
		// ReadIDX stops at the size that the header announces, so a small
		// file cannot unfold without end.
		if plain, err = gzip.NewReader(r); err != nil {
			return nil, nil, fmt.Errorf("data: %s: %w", name, err)
		}
	}
	dims, values, err = ReadIDX(plain, maxPixels)
	if err != nil {
		return nil, nil, fmt.Errorf("data: %s: %w", name, trimPrefix(err))
	}
	return dims, values, nil
}
