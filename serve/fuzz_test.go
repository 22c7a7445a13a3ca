package serve

import (
	"net/http"
	"testing"
)

// fuzzed decodes a body and makes sure that it takes no more memory than was counted, in
// proportion to the body, and gives whole samples.
func fuzzed(t *testing.T, m Model, body []byte, read func(*reservation) ([]float32, error)) {
	held := reservation{from: &memory{most: 1 << 20}}
	x, err := read(&held)
	if err != nil {
		if e := asRequestError(err); e.status < 400 || e.status == 500 || e.text == "" {
			t.Fatalf("a body gives the status %d, %s", e.status, e.text)
		}
		return
	}
	if len(x) == 0 || len(x)%m.Input.size() != 0 || len(x) > 8*m.Input.size() {
		t.Fatalf("%d numbers are not 1 to 8 samples", len(x))
	}
	if most := int64(64*len(body) + 4096); held.size > most || int64(4*len(x)) > held.size {
		t.Fatalf("%d bytes are held for %d bytes and %d numbers", held.size, len(body), len(x))
	}
}

func FuzzInfer(f *testing.F) {
	m := imageModel(f, 1)
	f.Add([]byte(infer(oneSample, `,"id":"1","outputs":[{"name":"output","parameters":{"binary_data":true}}]`)), "")
	body, length := inferBody(f, m, "FP16", []int{2, 4, 4, 1}, make([]byte, 64), `,"parameters":{"binary_data_output":true}`)
	f.Add([]byte(body), length)
	f.Add([]byte(`{"inputs":[{"data":[[[[1],[2]]]],"shape":[1,4,4,1],"datatype":"UINT8","name":"input"}]}`), "30")
	f.Fuzz(func(t *testing.T, body []byte, length string) {
		header := http.Header{headerLength: {length}}
		fuzzed(t, m, body, func(held *reservation) ([]float32, error) {
			r, err := readInfer(&m, 8, header, body, held)
			if err != nil {
				return nil, err
			}
			return r.x, nil
		})
	})
}

func FuzzPredict(f *testing.F) {
	m := imageModel(f, 1)
	f.Add([]byte(`{"input":`+oneSample+`,"top":2}`), "application/json")
	f.Add([]byte(`{"pixels":[[[[1],[2]]]]}`), "")
	f.Add([]byte(pngOf(f, 4, 4)), "image/png")
	f.Add(make([]byte, 32), "application/octet-stream")
	f.Fuzz(func(t *testing.T, body []byte, kind string) {
		header := http.Header{"Content-Type": {kind}}
		fuzzed(t, m, body, func(held *reservation) ([]float32, error) {
			x, _, err := readPredict(&m, 8, header, body, held)
			return x, err
		})
	})
}
