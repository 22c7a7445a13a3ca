package serve

import (
	"strings"
	"testing"
	"time"
)

func TestWrongOptionsAreNamed(t *testing.T) {
	for want, o := range map[string]Options{
		"QueueRows must be from 1":  {QueueRows: -1},
		"MaxRows must be from 1 to": {QueueRows: 5, MaxRows: 6},
		"MaxBody must be":           {MaxBody: 1 << 40},
		"MaxMemory must be at":      {MaxMemory: 1 << 20},
		"MaxConcurrent must":        {MaxConcurrent: -3},
		"MaxConnections must":       {MaxConnections: -3},
		"MaxDelay must be from":     {MaxDelay: -time.Second},
		"MaxDelay must be less":     {MaxDelay: time.Second, Timeout: time.Second},
		"IdleTimeout must":          {IdleTimeout: 100 * time.Hour},
	} {
		if _, err := New(o, model("m", engineFunc{1, sums})); err == nil || !strings.HasPrefix(err.Error(), "serve: "+want) {
			t.Errorf("got %v, expected %s", err, want)
		}
	}
}

func TestWrongModelsAreNamed(t *testing.T) {
	good := model("m", engineFunc{1, sums})
	for want, change := range map[string]func(*Model){
		`got "a/b"`:     func(m *Model) { m.Name = "a/b" },
		`got ""`:        func(m *Model) { m.Name = "" },
		"no engine":     func(m *Model) { m.Engines = nil },
		"1 and 2":       func(m *Model) { m.Engines = []Engine{engineFunc{1, sums}, engineFunc{2, sums}} },
		"not be empty":  func(m *Model) { m.Input.Shape = []int{0} },
		"2 names":       func(m *Model) { m.Classes = []string{"a", "b"} },
		"do not fit":    func(m *Model) { m.Pixels = &Pixels{Height: 2, Width: 2, Channels: 1} },
		"a std of 0":    func(m *Model) { m.Pixels = &Pixels{1, 2, 1, []float32{0}, []float32{0}} },
		"called \"m2\"": func(m *Model) { m.Name = "m2" },
	} {
		m, other := good, good
		other.Name = "m2"
		change(&m)
		if _, err := New(Options{}, m, other); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, expected %s", err, want)
		}
	}
	if _, err := New(Options{}); err == nil {
		t.Error("a server without models was made")
	}
}
