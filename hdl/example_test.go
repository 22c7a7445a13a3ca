package hdl_test

import (
	"context"
	"fmt"
	"log"

	"github.com/isrlu/isrlu/hdl"
)

// A unit for ISRLU in eight bits, right to within one unit in the last place.
func ExampleNew() {
	format, err := hdl.ParseFormat("q3.4")
	if err != nil {
		log.Fatal(err)
	}
	unit, err := hdl.New(context.Background(), hdl.Options{Function: "isrlu", Format: format, Bound: 1})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(unit.Name(), "keeps to the bound on all inputs:", unit.Error().All && unit.Error().Ulps <= 1)
	// Output: isrlu_1_q3_4 keeps to the bound on all inputs: true
}

// The unit on numbers: rounded to the format, computed bit for bit as in hardware.
func ExampleUnit_Forward() {
	unit, err := hdl.New(context.Background(), hdl.Options{Function: "isrlu", Format: hdl.BFloat16(), Bound: 0.6})
	if err != nil {
		log.Fatal(err)
	}
	x := []float32{-100, 0, 1.5}
	unit.Forward(x, x)
	fmt.Println(x)
	// Output: [-1 0 1.5]
}

// A bound that the format cannot meet.
func ExampleNew_bound() {
	format, err := hdl.ParseFormat("q3.4")
	if err != nil {
		log.Fatal(err)
	}
	_, err = hdl.New(context.Background(), hdl.Options{Function: "isrlu", Format: format, Bound: 0.3})
	fmt.Println(err)
	// Output: hdl: an error of 0.3 ulp in q3.4: rounding alone takes up to half of an ulp; ask for more, or for q3.5 (9 bits) with an error of 0.6 ulp there
}
