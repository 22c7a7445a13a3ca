package data

import (
	"bytes"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
)

// npy makes a file of a header and values.
func npy(version byte, header, values string) []byte {
	b := append([]byte(npyMagic), version, 0, byte(len(header)), byte(len(header)>>8))
	if version > 1 {
		b = append(b, 0, 0)
	}
	return append(append(b, header...), values...)
}

func TestNPYRoundTrip(t *testing.T) {
	for _, dims := range [][]int{nil, {0}, {3}, {2, 3}, {5, 0, 2}, {40, 50, 20}} {
		n := 1
		for _, d := range dims {
			n *= d
		}
		values := make([]float32, n)
		for i := range values {
			values[i] = float32(i) - 2.5
		}
		if n > 2 {
			values[0], values[1] = float32(math.Inf(-1)), float32(math.Copysign(0, -1))
		}
		var b bytes.Buffer
		if err := WriteNPY(&b, dims, values); err != nil {
			t.Fatal(err)
		}
		if at := bytes.IndexByte(b.Bytes(), '\n') + 1; at%64 != 0 {
			t.Errorf("%v: values begin at byte %d", dims, at)
		}
		a, err := ReadNPY(&b, int64(n))
		if err != nil {
			t.Errorf("%v: %v", dims, err)
			continue
		}
		if !slices.Equal(a.Dims, dims) || !slices.EqualFunc(a.Values, values, func(x, y float32) bool { return math.Float32bits(x) == math.Float32bits(y) }) {
			t.Errorf("%v: got %v with %d values", dims, a.Dims, len(a.Values))
		}
	}
	if err := WriteNPY(new(bytes.Buffer), []int{2, 2}, make([]float32, 3)); err == nil {
		t.Error("3 values were written as 2 x 2")
	}
}

func TestReadNPYOfEveryType(t *testing.T) {
	for _, c := range []struct {
		descr, values string
		want          []float32
	}{
		{"<f4", "\x00\x00\x80\x3f\x00\x00\x00\xc0", []float32{1, -2}},
		{">f4", "\x3f\x80\x00\x00\xc0\x00\x00\x00", []float32{1, -2}},
		{"<f8", "\x00\x00\x00\x00\x00\x00\xf0\x3f\x9a\x99\x99\x99\x99\x99\xb9\x3f", []float32{1, .1}},
		{"<f2", "\x00\x3c\x00\xc0", []float32{1, -2}},
		{"|u1", "\x01\xff", []float32{1, 255}},
		{"|i1", "\x01\xff", []float32{1, -1}},
		{"|b1", "\x00\x01", []float32{0, 1}},
		{"<u2", "\x01\x00\xff\xff", []float32{1, 65535}},
		{"<i2", "\x01\x00\xff\xff", []float32{1, -1}},
		{">i4", "\x00\x00\x00\x01\xff\xff\xff\xff", []float32{1, -1}},
		{"<u4", "\x01\x00\x00\x00\x00\x00\x00\x80", []float32{1, 1 << 31}},
		{"<i8", "\x01\x00\x00\x00\x00\x00\x00\x00\xff\xff\xff\xff\xff\xff\xff\xff", []float32{1, -1}},
		{"<u8", "\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x80", []float32{1, 1 << 63}},
	} {
		for version := range byte(3) {
			header := fmt.Sprintf("{'descr': '%s', 'fortran_order': False, 'shape': (2,), }   \n", c.descr)
			a, err := ReadNPY(bytes.NewReader(npy(version+1, header, c.values)), 10)
			if err != nil || !slices.Equal(a.Values, c.want) || !slices.Equal(a.Dims, []int{2}) {
				t.Errorf("%s: %v, %v", c.descr, a, err)
			}
		}
	}
}

func TestReadNPYErrors(t *testing.T) {
	const header = "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 2), }\n"
	values := strings.Repeat("\x00", 8)
	for name, c := range map[string]struct {
		file []byte
		want string
	}{
		"empty":        {nil, "truncated"},
		"text":         {[]byte("hello, world"), "not a NumPy file"},
		"version":      {npy(4, header, values), "version 4"},
		"short":        {npy(1, header, values[1:]), "truncated"},
		"long":         {npy(1, header, values+"x"), "after its 2 values"},
		"cut header":   {npy(1, header, "")[:20], "truncated"},
		"complex":      {npy(1, strings.Replace(header, "<f4", "<c8", 1), values), "astype"},
		"records":      {npy(1, strings.Replace(header, "'<f4'", "[('a', '<f4')]", 1), values), "plain array"},
		"fortran":      {npy(1, strings.Replace(header, "False", "True", 1), values), "ascontiguousarray"},
		"too many":     {npy(1, strings.Replace(header, "(1, 2)", "(2147483647, 2147483647)", 1), values), "more than 100 values"},
		"negative":     {npy(1, strings.Replace(header, "(1, 2)", "(-1, 2)", 1), values), "plain array"},
		"no shape":     {npy(1, "{'descr': '<f4', 'fortran_order': False}", values), "plain array"},
		"twice":        {npy(1, "{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (1, 2)}", values), "plain array"},
		"other key":    {npy(1, strings.Replace(header, "fortran_order", "order", 1), values), "plain array"},
		"large number": {npy(1, strings.Replace(header, "<f4", "<i4", 1), "\x01\x00\x00\x01\x00\x00\x00\x00"), "16777217"},
		// Next to numbers that float32 holds, where float64 is as coarse.
		"large int64": {npy(1, strings.Replace(strings.Replace(header, "<f4", "<i8", 1), "(1, 2)", "(1,)", 1), "\x01\x00\x00\x00\x00\x00\x20\x00"), "9007199254740992"},
		"most int64":  {npy(1, strings.Replace(strings.Replace(header, "<f4", "<i8", 1), "(1, 2)", "(1,)", 1), "\xff\xff\xff\xff\xff\xff\xff\x7f"), "9223372036854775808"},
		"most uint64": {npy(1, strings.Replace(strings.Replace(header, "<f4", ">u8", 1), "(1, 2)", "(1,)", 1), "\xff\xff\xff\xff\xff\xff\xff\xff"), "18446744073709551616"},
	} {
		if _, err := ReadNPY(bytes.NewReader(c.file), 100); err == nil || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), "data: ") {
			t.Errorf("%s: error %v, want %q in it", name, err, c.want)
		}
	}
}

func FuzzReadNPY(f *testing.F) {
	for _, descr := range []string{"<f4", ">f8", "|b1", "<i8"} {
		f.Add(npy(1, "{'descr': '"+descr+"', 'fortran_order': False, 'shape': (1, 2), }\n", strings.Repeat("\x00", 16)))
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		a, err := ReadNPY(bytes.NewReader(file), 1<<16)
		if err != nil {
			return
		}
		n := 1
		for _, d := range a.Dims {
			n *= d
		}
		if n != len(a.Values) {
			t.Errorf("%d values for %v", len(a.Values), a.Dims)
		}
	})
}
