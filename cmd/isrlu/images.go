package main

import (
	"bufio"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"

	"github.com/isrlu/isrlu/data"
)

// maxValues is the most values of an IDX file.
const maxValues = 1 << 30

// An imageReader reads images for a network.
type imageReader struct {
	images data.Images // of all files; its size is what the network takes
	from   []source    // of each image
}

// A source is where an image is from.
type source struct {
	file  string
	index int
}

// withFile opens a file for read, whose errors then name the file, but for those about
// the command line.
func withFile(ctx context.Context, name string, read func(*bufio.Reader) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	err = read(bufio.NewReaderSize(f, 1<<16))
	if err == nil || errors.As(err, new(usageError)) {
		return err
	}
	return fmt.Errorf("%s: %s", name, withoutPackage(err.Error()))
}

// read appends the images of a file. Its content says what it is.
func (l *imageReader) read(ctx context.Context, name string) error {
	return withFile(ctx, name, func(r *bufio.Reader) error { return l.readFrom(r, name) })
}

// readFrom appends the images of the file of that name.
func (l *imageReader) readFrom(r *bufio.Reader, name string) error {
	before := len(l.images.Pixels)
	read := l.readIDX
	if magic, _ := r.Peek(8); data.IsPNG(magic) {
		read = l.readPNG
	}
	if err := read(r); err != nil {
		return err
	}
	for i := range (len(l.images.Pixels) - before) / l.images.Size() {
		l.from = append(l.from, source{name, i})
	}
	// Labels also are what counts the images.
	l.images.Labels = make([]uint8, len(l.from))
	return nil
}

func (l *imageReader) readPNG(r *bufio.Reader) error {
	pixels, err := data.ReadPNG(r, l.images.Height, l.images.Width, l.images.Channels)
	l.images.Pixels = append(l.images.Pixels, pixels...)
	return err
}

func (l *imageReader) readIDX(r *bufio.Reader) error {
	dims, values, err := unpackIDX(r)
	if err != nil {
		return err
	}
	if len(dims) == 3 {
		dims = append(dims, 1)
	}
	if len(dims) != 4 {
		return fmt.Errorf("images in IDX have 3 or 4 dimensions, got %v", dims)
	}
	if dims[1] != l.images.Height || dims[2] != l.images.Width {
		return &data.SizeError{
			Height: int64(dims[1]), Width: int64(dims[2]), WantHeight: int64(l.images.Height), WantWidth: int64(l.images.Width),
		}
	}
	if dims[3] != l.images.Channels {
		return fmt.Errorf("images have %d channels, the network takes %d", dims[3], l.images.Channels)
	}
	if dims[0] == 0 {
		return errors.New("holds no images")
	}
	l.images.Pixels = append(l.images.Pixels, values...)
	return nil
}

// unpackIDX reads IDX, plain or compressed.
func unpackIDX(r *bufio.Reader) (dims []int, values []uint8, err error) {
	magic, err := r.Peek(2)
	if err != nil || !slices.Contains([]string{"\x1f\x8b", "\x00\x00"}, string(magic)) {
		return nil, nil, errors.New("neither IDX, plain or .gz, nor PNG")
	}
	if magic[0] == 0 {
		return data.ReadIDX(r, maxValues)
	}
	z, err := gzip.NewReader(r)
	if err != nil {
		return nil, nil, err
	}
	return data.ReadIDX(z, maxValues)
}

// readLabels reads the labels of the images that are there.
func (p *predictor) readLabels(ctx context.Context, name string) error {
	var labels []uint8
	err := withFile(ctx, name, func(r *bufio.Reader) error {
		dims, values, err := unpackIDX(r)
		if err == nil && len(dims) != 1 {
			err = fmt.Errorf("labels in IDX have 1 dimension, got %v", dims)
		}
		labels = values
		return err
	})
	if err != nil {
		return err
	}
	if len(labels) != p.images.Len() {
		return fmt.Errorf("%s has %d labels for %d images", name, len(labels), p.images.Len())
	}
	if i := slices.IndexFunc(labels, func(l uint8) bool { return int(l) >= len(p.classes) }); i >= 0 {
		return fmt.Errorf("%s: label %d is %d, but there are %d classes", name, i, labels[i], len(p.classes))
	}
	p.images.Labels = labels
	return nil
}
