package data

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/isrlu/isrlu"
)

// An Array is a tensor of numbers, as a NumPy file holds it.
type Array struct {
	Dims   []int // none for a single number
	Values []float32
}

// The NPY format (numpy.lib.format): eight bytes of magic and version, the length
// of the header, the header as a Python dictionary, the values. The Go libraries
// for it believe the header and make memory for whatever it says.
const (
	npyMagic     = "\x93NUMPY"
	npyMaxHeader = 1 << 16
	npyMaxDims   = 32 // as in NumPy
)

// npyTypes are the types that are read, without the order of bytes.
var npyTypes = map[string]struct {
	size   int
	number func(bits uint64) float64
}{
	"f2": {2, func(b uint64) float64 { return float64(isrlu.Float16(b).Float32()) }},
	"f4": {4, func(b uint64) float64 { return float64(math.Float32frombits(uint32(b))) }},
	"f8": {8, math.Float64frombits},
	"b1": {1, func(b uint64) float64 { return float64(b) }},
	"u1": {1, func(b uint64) float64 { return float64(b) }},
	"u2": {2, func(b uint64) float64 { return float64(b) }},
	"u4": {4, func(b uint64) float64 { return float64(b) }},
	"u8": {8, func(b uint64) float64 { return float64(b) }},
	"i1": {1, func(b uint64) float64 { return float64(int8(b)) }},
	"i2": {2, func(b uint64) float64 { return float64(int16(b)) }},
	"i4": {4, func(b uint64) float64 { return float64(int32(b)) }},
	"i8": {8, func(b uint64) float64 { return float64(int64(b)) }},
}

// ReadNPY reads a NumPy file of real numbers from r, to its end: integers, truth
// values and floating-point numbers, of either order of bytes, the last dimension
// the fastest. They become float32; an integer that does not fit into one is an
// error. More than max values are an error too, before memory is made for them.
func ReadNPY(r io.Reader, max int64) (*Array, error) {
	a, err := readNPY(r, max)
	if err != nil {
		return nil, fmt.Errorf("data: %w", err)
	}
	return a, nil
}

func readNPY(r io.Reader, max int64) (*Array, error) {
	var start [8]byte
	if _, err := io.ReadFull(r, start[:]); err != nil {
		return nil, npyTruncated(err)
	}
	if string(start[:6]) != npyMagic {
		return nil, fmt.Errorf("not a NumPy file: it begins with %q", start[:6])
	}
	width := 2
	if version := start[6]; version > 1 {
		width = 4
		if version > 3 {
			return nil, fmt.Errorf("version %d of NumPy's format is not known; versions 1 to 3 are read", version)
		}
	}
	var length [4]byte
	if _, err := io.ReadFull(r, length[:width]); err != nil {
		return nil, npyTruncated(err)
	}
	n := binary.LittleEndian.Uint32(length[:])
	if n > npyMaxHeader {
		return nil, fmt.Errorf("the NumPy header has %d bytes, more than %d", n, npyMaxHeader)
	}
	header := make([]byte, n)
	if _, err := io.ReadFull(r, header); err != nil {
		return nil, npyTruncated(err)
	}
	h, err := parseNPY(string(header))
	if err != nil {
		return nil, err
	}
	kind, ok := npyTypes[strings.TrimLeft(h.descr, "<>|=")]
	if !ok || len(h.descr) != 3 {
		return nil, fmt.Errorf("NumPy's type %q is not read; convert the array to float32, as by astype(\"float32\")", h.descr)
	}
	if h.fortran && len(h.dims) > 1 {
		return nil, errors.New("the NumPy array has its first dimension the fastest; save numpy.ascontiguousarray of it")
	}
	size := int64(1)
	if slices.Contains(h.dims, 0) {
		size = 0
	}
	for _, d := range h.dims {
		if d > 0 && size > max/int64(d) {
			return nil, fmt.Errorf("the NumPy array %v has more than %d values", h.dims, max)
		}
		size *= int64(d)
	}
	a := &Array{Dims: h.dims}
	var order binary.ByteOrder = binary.LittleEndian
	if h.descr[0] == '>' {
		order = binary.BigEndian
	}
	// Memory grows with what arrives, not with what the header says.
	const block = 1 << 16
	buffer := make([]byte, kind.size*int(min(size, block)))
	for left := size; left > 0; {
		part := buffer[:kind.size*int(min(left, block))]
		if _, err := io.ReadFull(r, part); err != nil {
			return nil, npyTruncated(err)
		}
		for ; len(part) > 0; part = part[kind.size:] {
			var bits uint64
			switch kind.size {
			case 1:
				bits = uint64(part[0])
			case 2:
				bits = uint64(order.Uint16(part))
			case 4:
				bits = uint64(order.Uint32(part))
			case 8:
				bits = order.Uint64(part)
			}
			v := kind.number(bits)
			x := float32(v)
			// Integers of 64 bits are rounded by float64 already.
			rounded := kind.size == 8 && (h.descr[1] == 'i' && (v >= 1<<63 || uint64(int64(v)) != bits) || h.descr[1] == 'u' && (v >= 1<<64 || uint64(v) != bits))
			if h.descr[1] != 'f' && (rounded || float64(x) != v) {
				return nil, fmt.Errorf("value %d of the NumPy array is %.0f, which float32 does not hold", len(a.Values), v)
			}
			a.Values = append(a.Values, x)
			left--
		}
	}
	if n, err := io.ReadFull(r, buffer[:min(1, len(buffer))]); n > 0 || err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("the NumPy file has bytes after its %d values", size)
	}
	return a, nil
}

func npyTruncated(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errors.New("the NumPy file is truncated")
	}
	return fmt.Errorf("NumPy file: %w", err)
}

type npyHeader struct {
	descr   string
	fortran bool
	dims    []int
}

// parseNPY reads the dictionary: {'descr': '<f4', 'fortran_order': False,
// 'shape': (3, 4), }.
func parseNPY(text string) (h npyHeader, err error) {
	damaged := fmt.Errorf("the NumPy header is not one of a plain array: %.100q", text)
	rest, ok := strings.CutPrefix(strings.TrimSpace(text), "{")
	if !ok {
		return h, damaged
	}
	seen := map[string]bool{}
	for {
		rest = strings.TrimLeft(rest, ", ")
		if rest == "}" {
			break
		}
		var key, value string
		key, rest, ok = strings.Cut(rest, ":")
		key = strings.Trim(key, `'" `)
		if !ok || seen[key] {
			return h, damaged
		}
		seen[key] = true
		rest = strings.TrimLeft(rest, " ")
		end := strings.IndexAny(rest, ",}")
		if strings.HasPrefix(rest, "(") {
			end = strings.Index(rest, ")") + 1
		}
		if end < 1 {
			return h, damaged
		}
		value, rest = strings.TrimSpace(rest[:end]), rest[end:]
		switch key {
		case "descr":
			h.descr = strings.Trim(value, `'"`)
			if len(h.descr) != len(value)-2 {
				return h, damaged
			}
		case "fortran_order":
			if value != "True" && value != "False" {
				return h, damaged
			}
			h.fortran = value == "True"
		case "shape":
			if !strings.HasPrefix(value, "(") {
				return h, damaged
			}
			for part := range strings.SplitSeq(strings.Trim(value, "()"), ",") {
				if part = strings.TrimSpace(part); part == "" {
					continue
				}
				d, err := strconv.ParseUint(strings.TrimSuffix(part, "L"), 10, 31)
				if err != nil || len(h.dims) == npyMaxDims {
					return h, damaged
				}
				h.dims = append(h.dims, int(d))
			}
		default:
			return h, damaged
		}
	}
	if len(seen) != 3 {
		return h, damaged
	}
	return h, nil
}

// WriteNPY writes values as a NumPy file of float32 with the given dimensions, the
// last one the fastest. Their product must be len(values).
func WriteNPY(w io.Writer, dims []int, values []float32) error {
	n := 1
	shape := make([]string, len(dims))
	for i, d := range dims {
		n *= d
		shape[i] = strconv.Itoa(d)
	}
	if n != len(values) || len(dims) > npyMaxDims {
		return fmt.Errorf("data: NumPy dimensions %v hold %d values, got %d", dims, n, len(values))
	}
	text := strings.Join(shape, ", ")
	if len(dims) == 1 {
		text += ","
	}
	header := fmt.Sprintf("{'descr': '<f4', 'fortran_order': False, 'shape': (%s), }", text)
	// The values begin at a multiple of 64 bytes.
	const fixed = len(npyMagic) + 4
	pad := 63 - (fixed+len(header))%64
	header += strings.Repeat(" ", pad) + "\n"
	b := append([]byte(npyMagic), 1, 0)
	b = binary.LittleEndian.AppendUint16(b, uint16(len(header)))
	b = append(b, header...)
	for _, v := range values {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
		if len(b) >= 1<<16 {
			if _, err := w.Write(b); err != nil {
				return fmt.Errorf("data: write NumPy file: %w", err)
			}
			b = b[:0]
		}
	}
	if _, err := w.Write(b); err != nil {
		return fmt.Errorf("data: write NumPy file: %w", err)
	}
	return nil
}
