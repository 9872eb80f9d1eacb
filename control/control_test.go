// SPDX-License-Identifier: Apache-2.0

package control_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"enishi.dev/enishi/aws/sigv4"
	"enishi.dev/enishi/aws/wire"
	"enishi.dev/enishi/aws/wire/ec2"
	"enishi.dev/enishi/control"
	"enishi.dev/enishi/hoststate"
	"enishi.dev/enishi/hoststate/feed"
)

const patience = 10 * time.Second

// world is a control that runs, and the two processes of a host that follow it.
type world struct {
	t       *testing.T
	sock    string
	http    *http.Client
	boot    struct{ Account, Region, AccessKeyId, SecretAccessKey, CA string }
	agent   *process
	gateway *process
}

// process is what the agent or gateway of a host holds.
type process struct {
	*feed.Client
	mu    sync.Mutex
	units map[hoststate.Key]hoststate.Unit
}

func (p *process) apply(_ context.Context, b feed.Batch) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if b.Full {
		clear(p.units)
	}
	for _, u := range b.Set {
		p.units[u.Key()] = u
	}
	for _, k := range b.Gone {
		delete(p.units, k)
	}
	return nil
}

func (p *process) has(kind hoststate.Kind, id string) hoststate.Unit {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.units[hoststate.Key{Kind: kind, ID: id}]
}

// start runs control on dir until stop is called.
func start(t *testing.T, dir string) (w *world, stop func()) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root: control tells a host's agent by its uid")
	}
	w = &world{t: t, sock: filepath.Join(t.TempDir(), "control.sock")}
	l, err := net.Listen("unix", w.sock)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var tasks sync.WaitGroup
	log := slog.New(slog.DiscardHandler)
	tasks.Go(func() {
		err := control.Run(ctx, control.Options{DataDir: dir, Ephemeral: true, Listener: l, Region: "ap-northeast-1", HostName: "local", GatewayUID: 0, Log: log})
		if err != nil {
			t.Errorf("control: %v", err)
		}
	})
	w.http = feed.UnixClient(w.sock)
	for role, p := range map[hoststate.Role]**process{hoststate.RoleAgent: &w.agent, hoststate.RoleGateway: &w.gateway} {
		*p = &process{Client: &feed.Client{HTTP: feed.UnixClient(w.sock), Host: "local", Role: role, Log: log}, units: map[hoststate.Key]hoststate.Unit{}}
		tasks.Go(func() { _ = (*p).Run(ctx, (*p).apply) })
	}
	w.get("/v1/ready", nil)
	w.get("/v1/bootstrap", &w.boot)
	return w, func() { cancel(); tasks.Wait() }
}

func (w *world) get(path string, out any) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), patience)
	defer cancel()
	req, _ := http.NewRequestWithContext(ctx, http.MethodGet, "http://control"+path, nil)
	resp, err := w.http.Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		w.t.Fatalf("%s: %s", path, resp.Status)
	}
	if out != nil {
		if err := json.NewDecoder(resp.Body).Decode(out); err != nil {
			w.t.Fatal(err)
		}
	}
}

// try sends one signed request the way a gateway does.
func try[Out, In any](w *world, action string, in *In, facts hoststate.Facts) (*Out, error) {
	w.t.Helper()
	body := []byte(wire.EncodeForm(wire.EC2, action, ec2.Version, in).Encode())
	r, _ := http.NewRequest(http.MethodPost, "https://ec2.ap-northeast-1.amazonaws.com/", nil)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if err := sigv4.Sign(r, sigv4.Credentials{AccessKeyID: w.boot.AccessKeyId, Secret: w.boot.SecretAccessKey}, "ap-northeast-1", "ec2", body, time.Now()); err != nil {
		w.t.Fatal(err)
	}
	facts.RequestID, facts.TLS = "11111111-2222-3333-4444-555555555555", true
	message, err := hoststate.Forwarded{Method: "POST", URI: "/", Host: r.Host, Header: r.Header, Facts: facts}.Append(nil)
	if err != nil {
		w.t.Fatal(err)
	}
	resp, err := w.http.Post("http://control/v1/forward", "application/octet-stream", bytes.NewReader(append(message, body...)))
	if err != nil {
		w.t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, wire.DecodeError(resp.Body, resp.StatusCode)
	}
	out := new(Out)
	return out, wire.DecodeXML(resp.Body, wire.EC2, action, out)
}

func call[Out, In any](w *world, action string, in *In) *Out {
	w.t.Helper()
	out, err := try[Out](w, action, in, hoststate.Facts{Source: netip.MustParseAddr("127.0.0.1")})
	if err != nil {
		w.t.Fatalf("%s: %v", action, err)
	}
	return out
}

func (w *world) until(what string, ok func() bool) {
	w.t.Helper()
	for end := time.Now().Add(patience); !ok(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			w.t.Fatalf("not within %s: %s", patience, what)
		}
	}
}

func (w *world) state(id string) string {
	out, err := try[ec2.DescribeVpcEndpointsOutput](w, "DescribeVpcEndpoints", &ec2.DescribeVpcEndpointsInput{VpcEndpointIds: []string{id}}, hoststate.Facts{})
	if err != nil {
		return err.Error()
	}
	return string(out.VpcEndpoints[0].State)
}

func TestTheLifeOfAnEndpointAcrossHosts(t *testing.T) {
	dir := t.TempDir()
	w, stop := start(t, dir)
	v := call[ec2.CreateVpcOutput](w, "CreateVpc", &ec2.CreateVpcInput{CidrBlock: new("10.0.0.0/16")}).Vpc.VpcId
	call[ec2.ModifyVpcAttributeOutput](w, "ModifyVpcAttribute", &ec2.ModifyVpcAttributeInput{VpcId: v, EnableDnsHostnames: &ec2.AttributeBooleanValue{Value: new(true)}})
	n := call[ec2.CreateSubnetOutput](w, "CreateSubnet", &ec2.CreateSubnetInput{VpcId: v, CidrBlock: new("10.0.1.0/24")}).Subnet.SubnetId
	i := *call[ec2.RunInstancesOutput](w, "RunInstances", &ec2.RunInstancesInput{ImageId: new("ami-00000000"), MinCount: new(int32(1)), MaxCount: new(int32(1)), SubnetId: n, PrivateIpAddress: new("10.0.1.10")}).Instances[0].InstanceId
	w.until("the agent told of the instance", func() bool { return w.agent.has(hoststate.KindInstance, i) != nil })
	w.agent.Instance(i, hoststate.InstanceReport{State: hoststate.InstanceRunning})
	w.until("the instance running", func() bool {
		return call[ec2.DescribeInstancesOutput](w, "DescribeInstances", &ec2.DescribeInstancesInput{InstanceIds: []string{i}}).Reservations[0].Instances[0].State.Name == "running"
	})

	e := *call[ec2.CreateVpcEndpointOutput](w, "CreateVpcEndpoint", &ec2.CreateVpcEndpointInput{VpcId: v, VpcEndpointType: "Interface",
		ServiceName: new("com.amazonaws.ap-northeast-1.ec2"), SubnetIds: []string{*n}}).VpcEndpoint.VpcEndpointId
	w.until("the gateway told of the endpoint", func() bool { return w.gateway.has(hoststate.KindEndpoint, e) != nil })
	private := *v + "/ec2.ap-northeast-1.amazonaws.com"
	if w.state(e) != "pending" || w.gateway.has(hoststate.KindName, private) != nil {
		t.Errorf("before it was reached it is %s, its name %v", w.state(e), w.gateway.has(hoststate.KindName, private))
	}
	w.agent.Ready(e, 0) // an older wish
	w.agent.Ready(e, 1)
	w.until("the endpoint available", func() bool { return w.state(e) == "available" })
	w.until("its private name", func() bool { return w.gateway.has(hoststate.KindName, private) != nil })

	t.Run("facts that cannot be true are not believed", func(t *testing.T) {
		for _, f := range []hoststate.Facts{
			{Network: *v, Endpoint: e, Source: netip.MustParseAddr("10.0.1.99")},
			{Network: "vpc-00000000000000000", Endpoint: e, Source: netip.MustParseAddr("10.0.1.10")},
			{Network: *v, Endpoint: "vpce-00000000000000000", Source: netip.MustParseAddr("10.0.1.10")},
		} {
			if _, err := try[ec2.DescribeVpcsOutput](w, "DescribeVpcs", &ec2.DescribeVpcsInput{}, f); err == nil {
				t.Errorf("%+v was believed", f)
			}
		}
		if _, err := try[ec2.DescribeVpcsOutput](w, "DescribeVpcs", &ec2.DescribeVpcsInput{}, hoststate.Facts{Network: *v, Endpoint: e, Source: netip.MustParseAddr("10.0.1.10")}); err != nil {
			t.Error(err)
		}
	})

	stop()
	w, stop = start(t, dir) // as after a crash: the same data, nobody reports anything yet
	defer stop()
	w.until("what was answered is there again", func() bool {
		return w.state(e) == "available" && w.gateway.has(hoststate.KindName, private) != nil && w.agent.has(hoststate.KindEndpoint, e) != nil
	})

	eni := w.agent.has(hoststate.KindInterface, call[ec2.DescribeVpcEndpointsOutput](w, "DescribeVpcEndpoints", &ec2.DescribeVpcEndpointsInput{}).VpcEndpoints[0].NetworkInterfaceIds[0])
	if eni == nil {
		t.Fatal("the agent does not hold the endpoint's interface")
	}
	call[ec2.DeleteVpcEndpointsOutput](w, "DeleteVpcEndpoints", &ec2.DeleteVpcEndpointsInput{VpcEndpointIds: []string{e}})
	w.until("the name gone and the endpoint closing", func() bool {
		u, _ := w.gateway.has(hoststate.KindEndpoint, e).(*hoststate.Endpoint)
		return w.gateway.has(hoststate.KindName, private) == nil && u != nil && u.Closing
	})
	if w.state(e) != "deleting" || w.agent.has(hoststate.KindInterface, eni.Key().ID) == nil {
		t.Errorf("before its connections are reset it is %s, its interface %v", w.state(e), w.agent.has(hoststate.KindInterface, eni.Key().ID))
	}
	w.gateway.Closed(e)
	w.until("the interface withdrawn and the endpoint gone", func() bool {
		return w.agent.has(hoststate.KindInterface, eni.Key().ID) == nil && w.state(e) == fmt.Sprintf("InvalidVpcEndpointId.NotFound: The Vpc Endpoint Id '%s' does not exist", e)
	})
	call[ec2.TerminateInstancesOutput](w, "TerminateInstances", &ec2.TerminateInstancesInput{InstanceIds: []string{i}})
	w.until("the agent told to end the instance", func() bool {
		u, _ := w.agent.has(hoststate.KindInstance, i).(*hoststate.Instance)
		return u != nil && !u.Running
	})
	w.agent.Instance(i, hoststate.InstanceReport{State: hoststate.InstanceStopped})
	w.until("the subnet free again", func() bool {
		out := call[ec2.DescribeSubnetsOutput](w, "DescribeSubnets", &ec2.DescribeSubnetsInput{SubnetIds: []string{*n}})
		return *out.Subnets[0].AvailableIpAddressCount == 251
	})
}

func TestTheFirstAccountHasADefaultVPCUntilItIsDeleted(t *testing.T) {
	dir := t.TempDir()
	vpcs := func(w *world) []ec2.Vpc {
		return call[ec2.DescribeVpcsOutput](w, "DescribeVpcs", &ec2.DescribeVpcsInput{}).Vpcs
	}
	w, stop := start(t, dir)
	before := vpcs(w)
	if len(before) != 1 || !*before[0].IsDefault {
		t.Fatalf("VPCs on the first day: %+v", before)
	}
	stop()
	w, stop = start(t, dir)
	if again := vpcs(w); len(again) != 1 || *again[0].VpcId != *before[0].VpcId {
		t.Errorf("VPCs after another start: %+v", again)
	}
	for _, n := range call[ec2.DescribeSubnetsOutput](w, "DescribeSubnets", &ec2.DescribeSubnetsInput{}).Subnets {
		call[ec2.DeleteSubnetOutput](w, "DeleteSubnet", &ec2.DeleteSubnetInput{SubnetId: n.SubnetId})
	}
	for _, g := range call[ec2.DescribeInternetGatewaysOutput](w, "DescribeInternetGateways", &ec2.DescribeInternetGatewaysInput{}).InternetGateways {
		call[ec2.DetachInternetGatewayOutput](w, "DetachInternetGateway", &ec2.DetachInternetGatewayInput{InternetGatewayId: g.InternetGatewayId, VpcId: before[0].VpcId})
	}
	call[ec2.DeleteVpcOutput](w, "DeleteVpc", &ec2.DeleteVpcInput{VpcId: before[0].VpcId})
	stop()
	w, stop = start(t, dir)
	defer stop()
	if after := vpcs(w); len(after) != 0 {
		t.Errorf("VPCs after the default one was deleted: %+v", after)
	}
}

func TestAnotherMainRouteTableReachesTheHost(t *testing.T) {
	w, stop := start(t, t.TempDir())
	defer stop()
	i := call[ec2.RunInstancesOutput](w, "RunInstances", &ec2.RunInstancesInput{ImageId: new("ami-00000000"), MinCount: new(int32(1)), MaxCount: new(int32(1))}).Instances[0]
	table := func() string {
		u, _ := w.agent.has(hoststate.KindInterface, *i.NetworkInterfaces[0].NetworkInterfaceId).(*hoststate.Interface)
		if u == nil {
			return ""
		}
		return u.RouteTable
	}
	tables := call[ec2.DescribeRouteTablesOutput](w, "DescribeRouteTables", &ec2.DescribeRouteTablesInput{}).RouteTables
	w.until("the interface with the first main table", func() bool { return table() == *tables[0].RouteTableId })
	other := call[ec2.CreateRouteTableOutput](w, "CreateRouteTable", &ec2.CreateRouteTableInput{VpcId: i.VpcId}).RouteTable.RouteTableId
	call[ec2.ReplaceRouteTableAssociationOutput](w, "ReplaceRouteTableAssociation", &ec2.ReplaceRouteTableAssociationInput{
		AssociationId: tables[0].Associations[0].RouteTableAssociationId, RouteTableId: other,
	})
	w.until("the interface with the other one", func() bool { return table() == *other })
}
