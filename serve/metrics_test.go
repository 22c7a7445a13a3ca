package serve

import (
	"strings"
	"testing"
)

func TestMetricsTellWhatHappened(t *testing.T) {
	s := newServer(t, Options{}, model("a", engineFunc{4, sums}), model("b", engineFunc{8, sums}))
	do(s, "POST", "/v2/models/a/infer", `{"inputs":[{"name":"x","shape":[6,2],"datatype":"FP32","data":[1,2,3,4,5,6,7,8,9,10,11,12]}]}`)
	do(s, "POST", "/v2/models/a/infer", twoNumbers)
	do(s, "POST", "/v2/models/a/infer", "{")
	do(s, "POST", "/predict/b", `{"input":[1,2]}`)
	do(s, "GET", "/v2/models/c", "")
	do(s, "GET", "/v2/health/ready", "")
	page := do(s, "GET", "/metrics", "").Body.String()
	for _, want := range []string{
		`isrlu_http_requests_total{code="200",endpoint="infer",model="a"} 2`,
		`isrlu_http_requests_total{code="400",endpoint="infer",model="a"} 1`,
		`isrlu_http_requests_total{code="200",endpoint="predict",model="b"} 1`,
		`isrlu_http_requests_total{code="404",endpoint="metadata",model=""} 1`,
		`isrlu_http_requests_total{code="200",endpoint="health",model=""} 1`,
		`isrlu_http_request_duration_seconds_count{endpoint="infer",model="a"} 3`,
		`isrlu_rows_total{model="a"} 7`,
		`isrlu_rows_total{model="b"} 1`,
		`isrlu_batch_rows_count{model="a"} 3`,
		`isrlu_batch_rows_sum{model="a"} 7`,
		`isrlu_batch_rows_bucket{model="a",le="2"} 2`,
		`isrlu_batch_duration_seconds_count{model="a"} 3`,
		`isrlu_queue_duration_seconds_count{model="a"} 2`,
		`isrlu_queue_rows{model="a"} 0`,
		`isrlu_rejected_total{reason="queue"} 0`,
		`isrlu_requests_in_flight 1`,
		`isrlu_ready 1`,
		`isrlu_model_info{instances="1",max_batch="8",model="b",platform="test",version="1"} 1`,
		`go_goroutines `,
	} {
		if !strings.Contains(page, "\n"+want) {
			t.Errorf("the page lacks %s", want)
		}
	}
	s.drain()
	if page := do(s, "GET", "/metrics", "").Body.String(); !strings.Contains(page, "\nisrlu_ready 0\n") {
		t.Error("the page says that a server which ends is ready")
	}
}
