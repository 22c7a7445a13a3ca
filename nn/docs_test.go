package nn

import (
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"
)

// What docs/networks.md shows is read, and it names every layer, member and
// initializer.
func TestNetworksDocument(t *testing.T) {
	text, err := os.ReadFile("../docs/networks.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?s)```json\n(.*?)```").FindAllStringSubmatch(string(text), -1)
	if len(blocks) == 0 {
		t.Fatal("it shows no network")
	}
	for _, b := range blocks {
		n, err := ReadNetwork(strings.NewReader(b[1]))
		if err != nil {
			t.Errorf("%v in\n%s", err, b[1])
			continue
		}
		n.Activation = "isrlu"
		m, err := New[float32](n, Options{})
		if err != nil {
			t.Errorf("%v in\n%s", err, b[1])
			continue
		}
		for _, p := range m.Parameters() {
			t.Log(p.Name, p.Shape)
		}
		m.Close()
	}
	names := append([]string{}, initNames...)
	members := func(v any) {
		typ := reflect.TypeOf(v)
		for i := range typ.NumField() {
			name, _, _ := strings.Cut(typ.Field(i).Tag.Get("json"), ",")
			names = append(names, name)
		}
	}
	members(Network{})
	for kind, layer := range kinds {
		names = append(names, kind)
		members(reflect.ValueOf(layer()).Elem().Interface())
	}
	for _, name := range names {
		if !regexp.MustCompile("[`\"]" + regexp.QuoteMeta(name) + "[`\":]").Match(text) {
			t.Errorf("it does not name %q", name)
		}
	}
}
