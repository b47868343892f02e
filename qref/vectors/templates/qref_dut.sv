// The device under test: put yours in the place of this one, under the same name and with the same ports.
//
// One output element: `start` for one clock with the bias, then a tap in each clock where `valid` is high. `acc` and `y` are
// those of all taps so far, LATENCY clocks after the last. Constants do not change while an element runs.
module qref_dut #(
    parameter int ACC_BITS = 32
) (
    input  logic               clk,
    input  logic               start,
    input  logic               valid,
    input  logic signed [15:0] x,
    input  logic signed [15:0] w,
    input  logic signed [16:0] input_offset,
    input  logic signed [16:0] filter_offset,
    input  logic signed [63:0] bias,
    input  logic        [ 7:0] rule,
    input  logic signed [63:0] multiplier,
    input  logic signed [15:0] shift,
    input  logic signed [31:0] output_offset,
    input  logic signed [31:0] output_activation_min,
    input  logic signed [31:0] output_activation_max,
    output logic signed [63:0] acc,
    output logic signed [15:0] y
);
    qref_mac mac (.*);
    qref_requantize #(.ACC_BITS(ACC_BITS)) requantize (.*);
endmodule
