// SPDX-License-Identifier: Apache-2.0

package vpc

import (
	"iter"
	"net/netip"
	"slices"

	"enishi.dev/enishi/aws/awserr"
	"enishi.dev/enishi/aws/region"
)

// EndpointSpec is what is asked of a new endpoint.
type EndpointSpec struct {
	Owner       Meta
	Type        EndpointType
	Service     string // com.amazonaws.REGION.ec2
	Region      string // of the service; "" is the owner's
	Subnets     []SubnetID
	Addresses   map[SubnetID]string // those that the caller chose
	Groups      []SecurityGroupID
	Tables      []RouteTableID
	Policy      *string
	PrivateDNS  *bool
	AddressType string
	RecordType  string
	ClientToken string
}

// EndpointFacts is what a decision about an endpoint has to know of the world.
type EndpointFacts struct {
	VPC      VPC
	Subnet   func(SubnetID) (Subnet, error) // the caller's, or AWS's error
	Group    func(SecurityGroupID) (SecurityGroup, error)
	Used     func(SubnetID) map[netip.Addr]bool // addresses, those of withdrawn interfaces too
	Siblings iter.Seq[Endpoint]                 // the VPC's endpoints
	Have     int                                // the VPC's endpoints that are not gone
	Hint     uint32                             // where to look for addresses first
}

const maxPolicy = 20480 // characters, reference 1.7

// DefaultEndpointPolicy is what an interface endpoint has when nothing is asked
// for: AWS's text, to the letter.
const DefaultEndpointPolicy = "{\n  \"Statement\": [\n    {\n      \"Action\": \"*\", \n      \"Effect\": \"Allow\", \n      \"Principal\": \"*\", \n      \"Resource\": \"*\"\n    }\n  ]\n}"

// NewEndpoint returns an endpoint with its interfaces, one a subnet. It checks in
// the order of reference 1.8, with the codes and texts of 9.2.
func NewEndpoint(f Fresh, limits Limits, w EndpointFacts, s EndpointSpec) (Endpoint, []ENI, error) {
	service, err := s.service()
	if err != nil {
		return Endpoint{}, nil, err
	}
	if _, err := s.checkType(); err != nil {
		return Endpoint{}, nil, err
	}
	if s.Owner.Created = f.Now; w.Have >= limits.Endpoints {
		return Endpoint{}, nil, awserr.New("VpcEndpointLimitExceeded", "The maximum number of VPC endpoints has been reached.")
	}
	e := Endpoint{
		Meta: s.Owner, ID: EndpointID(f.ID("vpce")), VPC: w.VPC.ID, Type: s.Type, Service: s.Service,
		Groups: s.Groups, ClientToken: s.ClientToken, Generation: 1,
		AddressType: cmpOr(s.AddressType, "ipv4"), RecordType: cmpOr(s.RecordType, "ipv4"),
		PrivateDNS: s.PrivateDNS == nil || *s.PrivateDNS, Policy: DefaultEndpointPolicy,
	}
	e.Suffix = string(f.ID("x")[2:10])
	if e.Groups, err = e.checkGroups(w, s.Groups); err != nil {
		return Endpoint{}, nil, err
	}
	if err := e.checkAddressTypes(); err != nil {
		return Endpoint{}, nil, err
	}
	enis, err := e.addSubnets(f, w, s.Subnets, s.Addresses)
	if err != nil {
		return Endpoint{}, nil, err
	}
	if s.Policy != nil {
		if e.Policy, err = checkPolicy(service, s.Service, *s.Policy); err != nil {
			return Endpoint{}, nil, err
		}
	}
	if s.PrivateDNS == nil && (!w.VPC.DNSSupport || !w.VPC.DNSHostnames) {
		e.PrivateDNS = false // nobody asked for it, and it could not be
	}
	return e, enis, e.checkPrivateDNS(w)
}

// service is the AWS service that the spec names.
func (s EndpointSpec) service() (region.Service, error) {
	r, _ := region.Of(s.Owner.Region)
	service, ok := r.ServiceOf(s.Service)
	if !ok || s.Region != "" && s.Region != r.Name {
		return service, NoService(s.Service)
	}
	return service, nil
}

// NoService is the error for a service name that nothing has, or nothing that
// the caller may see.
func NoService(name string) error {
	return awserr.New("InvalidServiceName", "The Vpc Endpoint Service '%s' does not exist", name)
}

func cmpOr(s, def string) string {
	if s == "" {
		return def
	}
	return s
}

// checkGroups returns the groups of the endpoint: the VPC's default one if none is named.
func (e Endpoint) checkGroups(w EndpointFacts, groups []SecurityGroupID) ([]SecurityGroupID, error) {
	if len(groups) == 0 {
		return []SecurityGroupID{w.VPC.DefaultGroup}, nil
	}
	for _, id := range groups {
		g, err := w.Group(id)
		if err != nil {
			return nil, err
		}
		if g.VPC != e.VPC {
			return nil, awserr.New("InvalidParameter", "Security group %s and VPC %s belong to different networks.", id, e.VPC)
		}
	}
	return unique(groups), nil
}

func unique[T comparable](in []T) []T {
	var out []T
	for _, x := range in {
		if !slices.Contains(out, x) {
			out = append(out, x)
		}
	}
	return out
}

func (e Endpoint) checkAddressTypes() error {
	switch {
	case e.AddressType != "ipv4":
		return awserr.New("InvalidParameter", "The IP address type '%s' is not supported by the VPC endpoint service %s in these subnets.", e.AddressType, e.Service)
	case e.RecordType != "ipv4":
		return awserr.New("InvalidParameter", "The DNS record IP type '%s' is not supported for the IP address type '%s'.", e.RecordType, e.AddressType)
	}
	return nil
}

// addSubnets gives the endpoint an interface in each of the subnets.
func (e *Endpoint) addSubnets(f Fresh, w EndpointFacts, subnets []SubnetID, chosen map[SubnetID]string) ([]ENI, error) {
	zones := map[string]SubnetID{}
	for _, id := range e.Subnets {
		if have, err := w.Subnet(id); err == nil {
			zones[have.Zone] = id
		}
	}
	var enis []ENI
	for _, id := range unique(subnets) {
		n, err := w.Subnet(id)
		if err != nil {
			return nil, err
		}
		if n.VPC != e.VPC {
			return nil, awserr.New("InvalidParameter", "The subnet ID '%s' does not belong to VPC %s", id, e.VPC)
		}
		if other, taken := zones[n.Zone]; taken {
			return nil, awserr.New("DuplicateSubnetsInSameZone", "Found another VPC endpoint subnet in the availability zone of %s. VPC endpoint subnets should be in different availability zones supported by the VPC endpoint service.", other)
		}
		zones[n.Zone] = id
		eni, err := e.newENI(f, w, n, chosen[id])
		if err != nil {
			return nil, err
		}
		e.Subnets, e.ENIs = append(slices.Clip(e.Subnets), id), append(slices.Clip(e.ENIs), eni.ID)
		enis = append(enis, eni)
	}
	return enis, nil
}

// newENI is an interface of the endpoint (reference 1.4).
func (e *Endpoint) newENI(f Fresh, w EndpointFacts, n Subnet, chosen string) (ENI, error) {
	used := w.Used(n.ID)
	var a netip.Addr
	var err error
	if chosen != "" {
		a, err = n.Choose(chosen, used)
	} else {
		a, err = n.Allocate(used, w.Hint)
	}
	if err != nil {
		return ENI{}, err
	}
	eni := NewENI(f, ENISpec{
		Owner: Meta{Account: e.Account, Region: e.Region}, Subnet: n, Address: a, Groups: e.Groups,
		Description: "VPC Endpoint Interface " + string(e.ID),
	})
	eni.Type, eni.Endpoint = "vpc_endpoint", e.ID
	eni.Attachment = &Attachment{ID: f.ID("ela-attach"), Device: 1, At: f.Now}
	return eni, nil
}
