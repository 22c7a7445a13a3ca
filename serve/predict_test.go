package serve

import (
	"bytes"
	"encoding/json"
	"image"
	"image/color"
	"image/png"
	"math"
	"net/http"
	"strings"
	"testing"
)

func pngOf(t testing.TB, width, height int) string {
	t.Helper()
	m := image.NewGray(image.Rect(0, 0, width, height))
	for i := range m.Pix {
		m.Pix[i] = uint8(17 * i)
	}
	m.Set(0, 0, color.Gray{200})
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

type answer struct {
	Model       string
	Predictions []prediction
}

func predicted(t *testing.T, s *Server, path, body string, headers ...string) answer {
	t.Helper()
	w := do(s, "POST", path, body, headers...)
	var a answer
	d := json.NewDecoder(w.Body)
	d.DisallowUnknownFields()
	if err := d.Decode(&a); err != nil || w.Code != http.StatusOK {
		t.Fatalf("%s: got %d: %v", path, w.Code, err)
	}
	return a
}

func TestPredictTellsClasses(t *testing.T) {
	s := newServer(t, Options{}, imageModel(t, 4))
	one := predicted(t, s, "/predict", `{"input":`+oneSample+`}`).Predictions
	all := predicted(t, s, "/predict/digits", `{"inputs":[`+oneSample+`,`+oneSample+`]}`)
	top := predicted(t, s, "/predict?top=2", `{"inputs":[`+oneSample+`]}`).Predictions[0]
	if len(one) != 1 || len(all.Predictions) != 2 || all.Model != "digits" {
		t.Fatalf("got %v and %v", one, all)
	}
	for _, p := range append(one, all.Predictions...) {
		sum, best := float32(0), 0
		for i, v := range p.Probabilities {
			sum += v
			if v > p.Probabilities[best] {
				best = i
			}
		}
		if math.Abs(float64(sum-1)) > 1e-5 || *p.Class != best || p.Label != []string{"cat", "dog", "owl"}[best] || *p.Probability != p.Probabilities[best] ||
			len(p.Logits) != 3 || !sameBits(p.Logits, one[0].Logits) {
			t.Errorf("got %s", mustJSON(t, p))
		}
	}
	if len(top.Top) != 2 || top.Top[0].Class != *one[0].Class || top.Top[0].Probability < top.Top[1].Probability || top.Probabilities != nil {
		t.Errorf("with top=2: %s", mustJSON(t, top))
	}
	if more := predicted(t, s, "/predict", `{"input":`+oneSample+`,"top":9}`).Predictions[0]; len(more.Top) != 3 {
		t.Errorf("with top 9: %s", mustJSON(t, more))
	}
}

func TestPredictTakesPNG(t *testing.T) {
	s := newServer(t, Options{}, imageModel(t, 4))
	pixels := `{"pixels":[[200,17,34,51,68,85,102,119,136,153,170,187,204,221,238,255]]}`
	want := predicted(t, s, "/predict", pixels).Predictions[0].Logits
	for _, kind := range []string{"image/png", "application/x-www-form-urlencoded", "application/octet-stream", ""} {
		if got := predicted(t, s, "/predict", pngOf(t, 4, 4), "Content-Type", kind).Predictions[0].Logits; !sameBits(got, want) {
			t.Errorf("%q: got %v, expected %v", kind, got, want)
		}
	}
	wantError(t, do(s, "POST", "/predict", pngOf(t, 5, 4)), http.StatusBadRequest, "4x5", "4x4")
	wantError(t, do(s, "POST", "/predict", pngOf(t, 4, 4)[:50]), http.StatusBadRequest, "PNG")
	wantError(t, do(s, "POST", "/predict", "GIF89a", "Content-Type", "image/png"), http.StatusBadRequest, "PNG")
}

func TestPredictOfModelsWithoutClasses(t *testing.T) {
	s := newServer(t, Options{}, model("b", engineFunc{4, sums}), model("a", engineFunc{4, sums}))
	if p := predicted(t, s, "/predict/b", `{"inputs":[[1,2]]}`).Predictions[0]; p.Class != nil || len(p.Output) != 1 || p.Output[0] != 201 {
		t.Errorf("got %s", mustJSON(t, p))
	}
	wantError(t, do(s, "POST", "/predict", `{"input":[1,2]}`), http.StatusBadRequest, "several models", "/predict/a")
	wantError(t, do(s, "POST", "/predict/c", `{"input":[1,2]}`), http.StatusNotFound, `"c"`, "a, b")
	wantError(t, do(s, "POST", "/predict/a", pngOf(t, 1, 2)), http.StatusUnsupportedMediaType, "no images")
	wantError(t, do(s, "POST", "/predict/a", "12", "Content-Type", "application/octet-stream"), http.StatusUnsupportedMediaType, "no images")
	wantError(t, do(s, "POST", "/predict/a", `{"pixels":[[1,2]]}`), http.StatusUnsupportedMediaType, "no images")
}

func TestWrongPredictionsAreNamed(t *testing.T) {
	s := newServer(t, Options{QueueRows: 2}, imageModel(t, 4))
	for body, wants := range map[string][]string{
		`{}`:                           {"neither input"},
		`{"image":[1]}`:                {`"image"`, "inputs (a list of samples)"},
		`{"input":[1,2]}`:              {"[2]", "[4 4 1]", "list of 16"},
		`{"inputs":` + oneSample + `}`: {"[16]", "list of samples"},
		`{"inputs":[]}`:                {"[0]"},
		`{"input":[],"inputs":[]}`:     {"either input or inputs"},
		`{"pixels":[` + strings.Replace(oneSample, "0.5", "256", 1) + `]}`: {"element 0 is 256"},
		`{"input":` + oneSample + `,"top":-1}`:                             {"-1"},
		`hello`:                                                            {"not JSON"},
	} {
		wantError(t, do(s, "POST", "/predict", body), http.StatusBadRequest, wants...)
	}
	wantError(t, do(s, "POST", "/predict?top=x", `{"input":`+oneSample+`}`), http.StatusBadRequest, `"x"`)
	wantError(t, do(s, "POST", "/predict", strings.Repeat("x", 17), "Content-Type", "application/octet-stream"), http.StatusBadRequest, "17 bytes", "4x4x1")
	wantError(t, do(s, "POST", "/predict", strings.Repeat("x", 48), "Content-Type", "application/octet-stream"), http.StatusRequestEntityTooLarge, "3 samples", "at most 2")
}
