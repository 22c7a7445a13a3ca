package experiment

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"
)

func TestTimeCallsCountsRuns(t *testing.T) {
	var order []string
	call := func(name string, took time.Duration) Call {
		return Call{name, func(runs int) (time.Duration, error) {
			order = append(order, name)
			return took * time.Duration(runs), nil
		}}
	}
	got, err := TimeCalls(t.Context(), []Call{call("slow", 3*time.Millisecond), call("fast", time.Millisecond)}, time.Microsecond, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got[0] != (Spread{3, 3, 3}) || got[1] != (Spread{1, 1, 1}) {
		t.Errorf("got %v", got)
	}
	// In turns: neither runs in all rounds before the other.
	if text := strings.Join(order[4:], " "); !strings.Contains(text, "slow fast") || !strings.Contains(text, "fast slow") || strings.Contains(text, "slow slow slow") {
		t.Errorf("the order is %s", text)
	}
}

func TestTimeCallsErrors(t *testing.T) {
	fault := errors.New("the process died")
	calls := []Call{{"ONNX Runtime", func(int) (time.Duration, error) { return 0, fault }}}
	if _, err := TimeCalls(t.Context(), calls, 0, nil); !errors.Is(err, fault) || !strings.Contains(err.Error(), "ONNX Runtime") {
		t.Errorf("error %v", err)
	}
	if _, err := TimeCalls(t.Context(), nil, -1, nil); err == nil {
		t.Error("a negative time was taken")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := TimeCalls(ctx, calls, 0, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}
