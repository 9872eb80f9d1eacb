// SPDX-License-Identifier: Apache-2.0

package vpc

import (
	"cmp"
	"iter"
	"net/netip"

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
	ENI      func(ENIID) (ENI, bool)
	Used     func(SubnetID) map[netip.Addr]bool // addresses, those of withdrawn interfaces too
	Siblings iter.Seq[Endpoint]                 // the VPC's endpoints
	Have     int                                // the VPC's endpoints that are not gone
	Hint     uint32                             // where to look for addresses first
}

// NewEndpoint returns an endpoint with its interfaces, one a subnet. It checks in
// the order of reference 1.8, with the codes and texts of 9.2.
func NewEndpoint(f Fresh, limits Limits, w EndpointFacts, s EndpointSpec) (Endpoint, []ENI, error) {
	service, err := s.service()
	if err != nil {
		return Endpoint{}, nil, err
	}
	if err := s.checkType(); err != nil {
		return Endpoint{}, nil, err
	}
	s.Owner.Created = f.Now
	e := Endpoint{
		Meta: s.Owner, ID: EndpointID(f.ID("vpce")), VPC: w.VPC.ID, Type: s.Type, Service: s.Service,
		ClientToken: s.ClientToken, Generation: 1,
		AddressType: cmp.Or(s.AddressType, "ipv4"), RecordType: cmp.Or(s.RecordType, "ipv4"),
		PrivateDNS: s.PrivateDNS == nil || *s.PrivateDNS, Policy: DefaultEndpointPolicy,
		Suffix: f.ID("x")[2:10],
	}
	subnets, err := e.checkSubnets(w, s.Subnets)
	if err != nil {
		return Endpoint{}, nil, err
	}
	if e.Groups, err = e.checkGroups(limits, w, s.Groups); err != nil {
		return Endpoint{}, nil, err
	}
	if err := e.checkAddressTypes(); err != nil {
		return Endpoint{}, nil, err
	}
	enis, err := e.addENIs(f, w, subnets, s.Addresses)
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
	if err := e.checkPrivateDNS(w); err != nil {
		return Endpoint{}, nil, err
	}
	if w.Have >= limits.Endpoints {
		return Endpoint{}, nil, awserr.New("VpcEndpointLimitExceeded", "The maximum number of VPC endpoints has been reached.")
	}
	return e, enis, nil
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
