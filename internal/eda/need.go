package eda

import "os"

// Required is the environment variable that, set to 1, makes [Need] fail where a tool is
// missing.
const Required = "ISRLU_REQUIRE_HDL_TOOLS"

// A test is what Need uses of a testing.TB.
type test interface {
	Helper()
	Fatal(args ...any)
	Skip(args ...any)
}

// Need skips a test where one of the tools is missing, or fails it where all are
// required.
func Need(t test, tools ...string) {
	t.Helper()
	for _, tool := range tools {
		err := Available(tool)
		switch {
		case err == nil:
		case os.Getenv(Required) == "1":
			t.Fatal(err)
		default:
			t.Skip(err)
		}
	}
}
