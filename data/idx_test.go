package data

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
)

// idx returns an IDX file of unsigned bytes, whether or not the dimensions fit
// the values.
func idx(values []uint8, dims ...uint32) []byte {
	b := []byte{0, 0, idxUint8, byte(len(dims))}
	for _, d := range dims {
		b = binary.BigEndian.AppendUint32(b, d)
	}
	return append(b, values...)
}

func compress(t testing.TB, b []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	if _, err := w.Write(b); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestIDXRoundTrip(t *testing.T) {
	values := make([]uint8, 2*3*4)
	for i := range values {
		values[i] = uint8(i * 7)
	}
	for _, dims := range [][]int{{24}, {2, 12}, {2, 3, 4}, {2, 3, 4, 1}} {
		var b bytes.Buffer
		if err := WriteIDX(&b, dims, values); err != nil {
			t.Fatal(err)
		}
		gotDims, got, err := ReadIDX(iotest.OneByteReader(&b), 24)
		if err != nil || !slices.Equal(gotDims, dims) || !slices.Equal(got, values) {
			t.Errorf("%v came back as %v, %v, %v", dims, gotDims, got, err)
		}
	}
	for _, dims := range [][]int{nil, {1, 1, 1, 1, 1, 1, 1, 1, 24}, {-1}, {23}, {1 << 31 >> 1, 1 << 30, 1 << 30}} {
		if err := WriteIDX(io.Discard, dims, values); err == nil {
			t.Errorf("WriteIDX took dimensions %v for %d values", dims, len(values))
		}
	}
}

func TestReadIDXNamesWhatIsWrong(t *testing.T) {
	good := idx([]uint8{1, 2, 3, 4, 5, 6}, 2, 3)
	if _, _, err := ReadIDX(bytes.NewReader(good), 6); err != nil {
		t.Fatal(err)
	}
	with := func(i int, v byte) []byte {
		b := slices.Clone(good)
		b[i] = v
		return b
	}
	for _, c := range []struct {
		name string
		file []byte
		want string
	}{
		{"empty", nil, "within its header"},
		{"only zeros", good[:3], "within its header"},
		{"half a header", good[:7], "within its header"},
		{"magic", with(1, 9), "0x00 0x09"},
		{"type", with(2, 0x0d), "type 0x0d"},
		{"no dimension", with(3, 0), "0 dimensions"},
		{"many dimensions", with(3, 200), "200 dimensions"},
		{"no values", good[:12], "0 of 6 values"},
		{"truncated", good[:17], "5 of 6 values"},
		{"trailing", append(slices.Clone(good), 0), "after its 6 values"},
		{"too many", idx(nil, 7, 1), "more than 6 values"},
		{"huge", idx(nil, 1<<31), "2147483648"},
		{"overflow", idx(nil, 1<<30, 1<<30, 1<<30), "more than 6 values"},
	} {
		if _, _, err := ReadIDX(bytes.NewReader(c.file), 6); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error is %v, expected one with %q", c.name, err, c.want)
		}
	}
	if _, _, err := ReadIDX(iotest.ErrReader(io.ErrClosedPipe), 6); err == nil || !strings.Contains(err.Error(), "closed pipe") {
		t.Errorf("error of the reader is lost: %v", err)
	}
}

func TestReadImagesTakesPlainAndCompressed(t *testing.T) {
	dir := t.TempDir()
	write := func(name string, b []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, b, 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	images := idx([]uint8{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}, 2, 2, 3)
	labels := idx([]uint8{4, 255}, 2)
	// The content decides, not the name.
	for _, p := range [][2]string{
		{write("a", images), write("b", labels)},
		{write("c", compress(t, images)), write("d", compress(t, labels))},
		{write("e.gz", images), write("f.gz", labels)},
	} {
		m, err := ReadImages(p[0], p[1])
		if err != nil {
			t.Fatal(err)
		}
		if m.Len() != 2 || m.Height != 2 || m.Width != 3 || m.Channels != 1 || m.At(1)[5] != 12 || m.Labels[1] != 255 {
			t.Errorf("got %+v", m)
		}
	}
	colour := write("colour", idx([]uint8{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}, 2, 1, 2, 3))
	if m, err := ReadImages(colour, write("labels", labels)); err != nil || m.Channels != 3 || m.Width != 2 {
		t.Errorf("four dimensions: %+v, %v", m, err)
	}
}

func TestReadImagesNamesTheFile(t *testing.T) {
	images := idx([]uint8{1, 2, 3, 4}, 2, 1, 2)
	labels := idx([]uint8{4, 5}, 2)
	packed := compress(t, images)
	broken := slices.Clone(packed)
	broken[len(broken)-8] ^= 1 // of the checksum
	// 4 KiB that unfold to 4 MiB, of which the header announces 2 bytes.
	bomb := compress(t, append(idx(nil, 1, 1, 2), make([]byte, 4<<20)...))
	for _, c := range []struct {
		name           string
		images, labels []byte
		classes        int
		file, want     string
	}{
		{"no images", nil, labels, 10, "images", "images: "},
		{"truncated", images[:len(images)-1], labels, 10, "images", "3 of 4 values"},
		{"truncated gz", packed[:len(packed)-9], labels, 10, "images", "images: "},
		{"short gz", packed[:5], labels, 10, "images", "images: "},
		{"checksum", broken, labels, 10, "images", "checksum"},
		{"bomb", bomb, labels, 10, "images", "after its 2 values"},
		{"counts", images, idx([]uint8{1, 2, 3}, 3), 10, "labels", "2 images"},
		{"label", images, labels, 5, "labels", "label 1 is 5, must be below 5"},
		{"labels of images", images, images, 10, "labels", "1 dimension"},
		{"images of labels", labels, labels, 10, "images", "3 or 4 dimensions"},
		{"nothing", idx(nil, 0, 28, 28), idx(nil, 0), 10, "images", "holds no images"},
	} {
		dir := t.TempDir()
		i, l := filepath.Join(dir, "images"), filepath.Join(dir, "labels")
		if err := os.WriteFile(l, c.labels, 0o644); err != nil {
			t.Fatal(err)
		}
		if c.images != nil {
			if err := os.WriteFile(i, c.images, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		_, err := readImages(i, l, c.classes)
		if err == nil || !strings.HasPrefix(err.Error(), "data: ") ||
			!strings.Contains(err.Error(), filepath.Join(dir, c.file)) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error is %v, expected one with %q and the path of %s", c.name, err, c.want, c.file)
		}
	}
}

func FuzzReadIDX(f *testing.F) {
	f.Add([]byte{})
	f.Add(idx([]uint8{1, 2, 3, 4, 5, 6}, 2, 3))
	f.Add(idx([]uint8{1, 2, 3, 4, 5}, 2, 3))
	f.Add(idx([]uint8{1}, 1, 1, 1, 1))
	f.Add(idx(nil, 0, 1<<31))
	f.Add(idx(nil, 1<<30, 1<<30, 1<<30))
	f.Fuzz(func(t *testing.T, file []byte) {
		const max = 1 << 10
		dims, values, err := ReadIDX(bytes.NewReader(file), max)
		if err != nil {
			if !strings.HasPrefix(err.Error(), "data: ") {
				t.Errorf("error without prefix: %v", err)
			}
			return
		}
		if len(values) > max {
			t.Errorf("%d values, more than %d", len(values), max)
		}
		// What was read is the whole file.
		var b bytes.Buffer
		if err := WriteIDX(&b, dims, values); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(b.Bytes(), file) {
			t.Errorf("read %v, %v from %v", dims, values, file)
		}
	})
}
