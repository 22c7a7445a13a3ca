package safetensors

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
)

// A File is a file whose header has been read and checked.
type File struct {
	// Metadata is never nil.
	Metadata map[string]string
	// Header is the JSON, with its padding.
	Header []byte

	r       io.ReaderAt
	start   int64 // of the data
	entries map[string]entry
	names   []string // by place in the file
}

// Open reads the header of a file of so many bytes. It is an error if tensors
// overlap, leave holes, or do not fill the file.
func Open(r io.ReaderAt, size int64) (*File, error) {
	const prefix = 8
	if size < prefix {
		return nil, fmt.Errorf("the header is truncated: the file has %d bytes", size)
	}
	var word [prefix]byte
	if _, err := r.ReadAt(word[:], 0); err != nil {
		return nil, readError(err)
	}
	n := binary.LittleEndian.Uint64(word[:])
	if n > MaxHeader {
		return nil, fmt.Errorf("the header would have %d bytes, more than %d", n, MaxHeader)
	}
	f := &File{r: r, start: prefix + int64(n), Metadata: map[string]string{}, entries: map[string]entry{}}
	if f.start > size {
		return nil, fmt.Errorf("the header is truncated: the file ends after %d of its %d bytes", size-prefix, n)
	}
	f.Header = make([]byte, n)
	if _, err := r.ReadAt(f.Header, prefix); err != nil && n > 0 {
		return nil, readError(err)
	}
	if err := f.parse(); err != nil {
		return nil, err
	}
	return f, f.check(size - f.start)
}

func readError(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errors.New("the file ends too early: it is shorter than it was a moment ago")
	}
	return err
}

// parse reads the header member by member, as a map would hide that a name
// occurs twice.
func (f *File) parse() error {
	d := json.NewDecoder(bytes.NewReader(f.Header))
	d.DisallowUnknownFields()
	if t, err := d.Token(); err != nil {
		return jsonError(d.InputOffset(), err)
	} else if t != json.Delim('{') {
		return errNotJSON
	}
	metadata := false
	for d.More() {
		t, err := d.Token()
		if err != nil {
			return jsonError(d.InputOffset(), err)
		}
		name := t.(string) // the decoder lets nothing else be a key
		if name == metadataKey {
			if metadata {
				return fmt.Errorf("the header has %s twice", metadataKey)
			}
			metadata = true
			if err := d.Decode(&f.Metadata); err != nil {
				return fmt.Errorf("%s: %w", metadataKey, jsonError(d.InputOffset(), err))
			}
			if f.Metadata == nil {
				f.Metadata = map[string]string{}
			}
			continue
		}
		if _, twice := f.entries[name]; twice {
			return fmt.Errorf("tensor %q is there twice", name)
		}
		e := entry{Offsets: [2]int64{-1, -1}}
		if err := d.Decode(&e); err != nil {
			return fmt.Errorf("tensor %q: %w", name, jsonError(d.InputOffset(), err))
		}
		f.entries[name] = e
		f.names = append(f.names, name)
	}
	if _, err := d.Token(); err != nil {
		return jsonError(d.InputOffset(), err)
	}
	if !blank(f.Header[d.InputOffset():]) {
		return fmt.Errorf("%w: something follows it", errNotJSON)
	}
	return nil
}

// elementBytes are the sizes of the types that are read; others are kept in the
// header as they are, with no size to check.
var elementBytes = map[string]int64{"F32": 4, "F64": 8}

// check makes sure that the tensors fill the data.
func (f *File) check(size int64) error {
	slices.SortStableFunc(f.names, func(a, b string) int {
		x, y := f.entries[a].Offsets, f.entries[b].Offsets
		return slices.Compare(x[:], y[:])
	})
	end := int64(0)
	for _, name := range f.names {
		e := f.entries[name]
		from, to := e.Offsets[0], e.Offsets[1]
		switch {
		case from < 0 || to < from:
			return fmt.Errorf("tensor %q: the offsets %d to %d are no range", name, from, to)
		case to > size:
			return fmt.Errorf("tensor %q: the offsets %d to %d are out of range: the file has %d bytes of data; it is truncated, or the header is wrong", name, from, to, size)
		case from < end:
			return fmt.Errorf("tensor %q: the offsets %d to %d overlap another tensor, which ends at %d", name, from, to, end)
		case from > end:
			return fmt.Errorf("no tensor has bytes %d to %d of the data", end, from)
		}
		end = to
		n, ok := count(e.Shape)
		if !ok {
			return fmt.Errorf("tensor %q: %v is no shape", name, e.Shape)
		}
		if bytes := elementBytes[e.Type]; bytes != 0 && to-from != n*bytes {
			return fmt.Errorf("tensor %q: %v of %s does not take %d bytes", name, e.Shape, e.Type, to-from)
		}
	}
	if end != size {
		return fmt.Errorf("%d bytes follow the last tensor", size-end)
	}
	return nil
}

// Names returns the tensors' names by their place in the file.
func (f *File) Names() []string { return f.names }

// Type returns the element type of a tensor, such as F32, and whether the file
// has it.
func (f *File) Type(name string) (string, bool) {
	e, ok := f.entries[name]
	return e.Type, ok
}

// Elements returns the number of elements of all F32 and F64 tensors.
func (f *File) Elements() int64 {
	var n int64
	for _, e := range f.entries {
		if bytes := elementBytes[e.Type]; bytes != 0 {
			n += (e.Offsets[1] - e.Offsets[0]) / bytes
		}
	}
	return n
}

// Read reads the data of a tensor into t, whose name and shape it must have.
func Read[T Float](f *File, t Tensor[T]) error {
	e, ok := f.entries[t.Name]
	if !ok {
		return fmt.Errorf("tensor %q is missing", t.Name)
	}
	if want := TypeOf[T](); e.Type != want {
		return fmt.Errorf("tensor %q has elements of type %s, expected %s", t.Name, e.Type, want)
	}
	if !slices.Equal(e.Shape, t.Shape) || (e.Offsets[1]-e.Offsets[0])/int64(sizeOf[T]()) != int64(len(t.Data)) {
		return fmt.Errorf("tensor %q has shape %v, expected %v", t.Name, e.Shape, t.Shape)
	}
	buffer := make([]byte, min(1<<16, e.Offsets[1]-e.Offsets[0]))
	at := f.start + e.Offsets[0]
	for part := range slices.Chunk(t.Data, max(1, len(buffer)/sizeOf[T]())) {
		b := buffer[:len(part)*sizeOf[T]()]
		if n, err := f.r.ReadAt(b, at); n < len(b) {
			return fmt.Errorf("tensor %q: %w", t.Name, readError(err))
		}
		decode(part, b)
		at += int64(len(b))
	}
	return nil
}
