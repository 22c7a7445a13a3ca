package serve_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/isrlu/isrlu/nn"
	"github.com/isrlu/isrlu/serve"
)

// A server of a network, whose handler another server runs. Server.Serve runs one with
// the timeouts and limits of the options.
func Example() {
	network, err := nn.New[float32](nn.Network{
		Input:  nn.Shape{2},
		Layers: nn.Sequential{nn.Dense{Units: 2}, nn.Activation{Function: "isrlu"}},
	}, nn.Options{Batch: 32, Inference: true})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer network.Close()
	server, err := serve.New(serve.Options{}, serve.FromNetwork("small", network))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer server.Close()
	h := httptest.NewServer(server.Handler())
	defer h.Close()

	request := `{"inputs":[{"name":"input","shape":[1,2],"datatype":"FP32","data":[0,0]}]}`
	answer, err := http.Post(h.URL+"/v2/models/small/infer", "application/json", strings.NewReader(request))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(string(body))
	// Output:
	// {"model_name":"small","model_version":"1","outputs":[{"name":"output","datatype":"FP32","shape":[1,2],"data":[0,0]}]}
}
