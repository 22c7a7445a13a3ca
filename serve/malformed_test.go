package serve

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"testing"
)

// Requests that are wrong get an error that names what is, and what would be right.
func TestWrongRequestsAreNamed(t *testing.T) {
	m := imageModel(t, 4)
	s := newServer(t, Options{QueueRows: 8}, m)
	one := func(name, shape, datatype, more string) string {
		return `{"inputs":[{"name":"` + name + `","shape":` + shape + `,"datatype":"` + datatype + `"` + more + `}]}`
	}
	data := `,"data":` + oneSample
	for body, wants := range map[string][]string{
		``:                     {"ends too early"},
		`{`:                    {"ends too early"},
		`[]`:                   {"expected an object, got an array"},
		`null`:                 {"got null"},
		`{}`:                   {"one input", `"input"`, "got 0"},
		`{"inputs":{}}`:        {"/inputs", "array of inputs"},
		`{"inputs":[]}`:        {"got 0"},
		`{"inputs":[3]}`:       {"/inputs", "an object, got a number"},
		`{"inputs":[{},{}]}`:   {"got 2"},
		`{"id":3,"inputs":[]}`: {"a string, got a number"},
		`{"id":"` + strings.Repeat("x", 2000) + `"}`:                         {"longer than 1024"},
		`{"inputs":[],"inputs":[]}`:                                          {`"inputs" is there twice`},
		`{"inputs":[],}`:                                                     {"not JSON at byte 12"},
		"{\"id\":\"\xff\"}":                                                  {"not JSON"},
		infer(oneSample, "") + "x":                                           {"not JSON"},
		infer(oneSample, "") + " {}":                                         {"follows the JSON"},
		infer(oneSample, `,"outputs":[{"name":"logits"}]`):                   {`"logits"`, `"output"`},
		infer(oneSample, `,"outputs":[{}]`):                                  {`no output ""`},
		infer(oneSample, `,"outputs":[{"name":"output"},{"name":"output"}]`): {"twice"},
		infer(oneSample, `,"outputs":[{"name":"output","parameters":{"classification":2}}]`):  {`"classification"`, "extension"},
		infer(oneSample, `,"outputs":[{"name":"output","parameters":{"binary_data":"yes"}}]`): {"true or false"},
		infer(oneSample, `,"parameters":{"shared_memory_region":"a"}`):                        {"shared_memory_region"},
		one("image", "[1,4,4,1]", "FP32", data):                                               {`"image"`, `"input"`},
		one("input", "[1,16]", "FP32", data):                                                  {"[1 16]", "[-1 4 4 1]"},
		one("input", "[2,4,4,1]", "FP32", data):                                               {"[2 4 4 1]", "[16]"},
		one("input", "[0,4,4,1]", "FP32", `,"data":[]`):                                       {"no samples"},
		one("input", "[-1,4,4,1]", "FP32", data):                                              {"-1"},
		one("input", "[1e9,4,4,1]", "FP32", data):                                             {"1e9"},
		one("input", "[99999999999,4,4,1]", "FP32", data):                                     {"99999999999"},
		one("input", "[1,1,1,1,1,1,1,1,1]", "FP32", data):                                     {"more than 8 dimensions"},
		one("input", "[1,4,4,1]", "FP32", ""):                                                 {"neither data"},
		one("input", "[1,4,4,1]", "INT64", data):                                              {"FP32, FP64, FP16, BF16, UINT8", `"INT64"`},
		one("input", "[1,4,4,1]", "UINT8", data):                                              {"element 0 is 0.5", "from 0 to 255"},
		one("input", "[1,4,4,1]", "BF16", data):                                               {"BF16", "binary"},
		one("input", "[1,4,4,1]", "FP32", `,"data":3`):                                        {"an array of numbers, got a number"},
		one("input", "[1,4,4,1]", "FP32", `,"data":["1"]`):                                    {"got a string"},
		one("input", "[1,4,4,1]", "FP32", `,"data":[NaN]`):                                    {"not JSON"},
		one("input", "[1,4,4,1]", "FP32", `,"data":[1e39]`):                                   {"1e39", "float32"},
		one("input", "[1,4,4,1]", "FP32", `,"data":[[1,2],[3]]`):                              {"2 and 1"},
		one("input", "[1,4,4,1]", "FP32", `,"data":[[1,2],3]`):                                {"nest regularly"},
		one("input", "[1,4,4,1]", "FP32", `,"data":[1,[2]]`):                                  {"nest regularly"},
		one("input", "[1,4,4,1]", "FP32", `,"data":[[1,2],[[3],[4]]]`):                        {"nest regularly"},
		one("input", "[1,4,4,1]", "FP32", `,"data":[[[[[[[[[[[[1]]]]]]]]]]]]`):                {"deeper than 8"},
		one("input", "[1,4,4,1]", "FP32", `,"data":[[1,2],[3,4]]`):                            {"[1 4 4 1]", "[2 2]"},
		one("input", "[1,4,4,1]", "FP32", `,"parameters":{"binary_data_size":64}`):            {headerLength},
		manyMembers(): {"more than 64 members"},
		`{"inputs":[` + strings.Repeat("{},", 100) + `{}]}`: {"more than 64 inputs"},
	} {
		wantError(t, do(s, "POST", "/v2/models/digits/infer", body), http.StatusBadRequest, wants...)
	}
	wantError(t, do(s, "POST", "/v2/models/digits/infer", one("input", "[9,4,4,1]", "FP32", data)), http.StatusRequestEntityTooLarge, "9 samples", "at most 8")
	wantError(t, do(s, "POST", "/v2/models/digits/infer", infer("["+strings.Repeat("1,", 8*16)+"1]", "")), http.StatusRequestEntityTooLarge, "more than 128")
	wantError(t, do(s, "POST", "/v2/models/digits/infer", infer(oneSample, ""), "Content-Encoding", "gzip"), http.StatusUnsupportedMediaType, "gzip")
	if used := s.memory.used.Load(); used != 0 {
		t.Errorf("%d bytes are still held", used)
	}
}

func manyMembers() string {
	list := map[string]int{}
	for i := range 70 {
		list[strings.Repeat("a", i)] = i
	}
	text, err := json.Marshal(list)
	if err != nil {
		panic(err)
	}
	return string(text)
}

func TestWrongBinaryRequestsAreNamed(t *testing.T) {
	m := imageModel(t, 4)
	s := newServer(t, Options{}, m)
	body, length := inferBody(t, m, "FP32", []int{1, 4, 4, 1}, make([]byte, 64), "")
	short, shortLength := inferBody(t, m, "FP32", []int{1, 4, 4, 1}, make([]byte, 60), "")
	for _, c := range []struct {
		body, length string
		wants        []string
	}{
		{body, "-1", []string{`"-1"`}},
		{body, "99999", []string{`"99999"`, "from 0 to"}},
		{body, "x", []string{`"x"`}},
		{body, "0", []string{"ends too early"}},
		{body, "10", []string{"ends too early"}},
		{body + "x", length, []string{"64", "65 bytes follow"}},
		{body[:len(body)-1], length, []string{"63 bytes follow"}},
		{short, shortLength, []string{"takes 64 bytes", "60"}},
		{strings.Replace(body, `"parameters"`, `"paRameters"`, 1), length, []string{"neither data nor"}},
	} {
		wantError(t, do(s, "POST", "/v2/models/digits/infer", c.body, headerLength, c.length), http.StatusBadRequest, c.wants...)
	}
	both := strings.Replace(body, `"shape"`, `"data":[1],"shape"`, 1)
	wantError(t, do(s, "POST", "/v2/models/digits/infer", both, headerLength, strconv.Itoa(len(both)-64)), http.StatusBadRequest, "both data and")
}

func TestTokensMustBeOnesOfTheModel(t *testing.T) {
	m := model("text", engineFunc{4, sums})
	m.Tokens = 30
	s := newServer(t, Options{}, m)
	request := func(data, datatype string) string {
		return `{"inputs":[{"name":"x","shape":[1,2],"datatype":"` + datatype + `","data":` + data + `}]}`
	}
	if w := do(s, "POST", "/v2/models/text/infer", request("[3,29]", "INT64")); w.Code != 200 || !strings.Contains(w.Body.String(), "[2903]") {
		t.Errorf("got %d, %s", w.Code, w.Body)
	}
	for body, want := range map[string]string{
		request("[3,30]", "INT64"): "element 1 is 30", request("[-1,3]", "INT32"): "element 0 is -1", request("[0.5,3]", "INT64"): "0.5", request("[1,2]", "FP32"): "INT64",
	} {
		wantError(t, do(s, "POST", "/v2/models/text/infer", body), http.StatusBadRequest, want)
	}
	body, length := inferBody(t, m, "INT64", []int{1, 2}, []byte{1, 0, 0, 0, 0, 0, 0, 0, 255, 255, 255, 255, 255, 255, 255, 255}, "")
	wantError(t, do(s, "POST", "/v2/models/text/infer", body, headerLength, length), http.StatusBadRequest, "element 1 is -1", "0 to 29")
}
