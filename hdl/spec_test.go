package hdl

import (
	"context"
	"strings"
	"sync"
	"testing"
)

func TestParseSpec(t *testing.T) {
	for spec, want := range map[string]string{
		"isrlu@q4.11":                          "isrlu:1@q4.11",
		"isrlu:3@q3.4:exact":                   "isrlu:3@q3.4:exact",
		"isru@bfloat16:straight-through":       "isru:1@bfloat16",
		"isru:1@Q4.11:2ulp:exact":              "isru:1@q4.11:2ulp:exact",
		"isru:1@q4.11:exact:0.75ulp":           "isru:1@q4.11:0.75ulp:exact",
		"isru_sigmoid:1,0.5@float16:1ulp":      "isru_sigmoid:1,0.5@float16",
		"tanh@q3.4":                            "tanh@q3.4",
		"isru:1@q4.11:1.5ulp:straight-through": "isru:1@q4.11:1.5ulp",
	} {
		s, err := ParseSpec(spec)
		if err != nil || s.String() != want {
			t.Errorf("%s is %s, want %s: %v", spec, s, want, err)
			continue
		}
		if again, err := ParseSpec(s.String()); err != nil || again != s {
			t.Errorf("%s is not read back: %+v, %v", s, again, err)
		}
	}
}

func TestBadSpecsNameValueAndRemedy(t *testing.T) {
	for spec, wants := range map[string][]string{
		"isrlu":                     {"no format", "isrlu@q4.11"},
		"isrlu@":                    {`""`, "q4.11"},
		"isrlu@q4":                  {`"q4"`, "bfloat16"},
		"isrlu@q40.11":              {"q40.11", "32"},
		"foo@q4.11":                 {`"foo"`, "isrlu"},
		"relu@q4.11":                {"relu", "isru_sigmoid"},
		"rsqrt@q4.11":               {"rsqrt", "isrlu"},
		"isrlu'@q4.11":              {"isrlu", "no activation"},
		"isrlu@q4.11:learn":         {"isrlu@q4.11:learn", "write isrlu@q4.11,", "isrlu:learn"},
		"isrlu:learn@q4.11":         {"write isrlu@q4.11,"},
		"isrlu@q4.11:learn-channel": {"fixed", "isrlu:learn"},
		"isrlu@q4.11:fast":          {`"fast"`, "exact"},
		"isrlu@q4.11:exact:exact":   {`"exact"`, "second"},
		"isrlu@q4.11:2ulp:1ulp":     {`"1ulp"`, "second"},
		"isrlu@q4.11:ulp":           {`"ulp"`, "2ulp"},
		"isrlu@q4.11:-1ulp":         {`"-1ulp"`, "2ulp"},
		"isrlu@q4.11:0.1ulp":        {"0.1 ulp", "q4.14"},
		"isrlu:-1@q4.11":            {"alpha", "-1"},
		"isrlu:1e9@q4.11":           {"2^16"},
	} {
		_, err := ParseSpec(spec)
		for _, want := range wants {
			if err == nil || !strings.HasPrefix(err.Error(), "hdl: ") || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v does not say %q", spec, err, want)
			}
		}
	}
}

func TestLibrarySearchesOnce(t *testing.T) {
	searches := 0
	l := Library{Searching: func(Spec) { searches++ }}
	parse := func(spec string) Spec {
		s, err := ParseSpec(spec)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := l.Unit(ended, parse("isrlu@q3.4")); err == nil {
		t.Fatal("a search went on after its context had ended")
	}
	units := make([]*Unit, 6)
	var group sync.WaitGroup
	for i := range units {
		group.Go(func() {
			var err error
			if units[i], err = l.Unit(t.Context(), parse([]string{"isrlu@q3.4", "isrlu@q3.4:exact"}[i%2])); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	for _, u := range units {
		if u != units[0] {
			t.Error("there are two units of one specification")
		}
	}
	if searches != 2 {
		t.Errorf("%d searches, want one that was ended and one", searches)
	}
	if u, err := l.Unit(t.Context(), parse("isrlu@q3.4:2ulp")); err != nil || u == units[0] || u.Bound() != 2 {
		t.Errorf("another bound has the unit %v: %v", u, err)
	}
}
