// SPDX-License-Identifier: Apache-2.0

package ec2

import (
	"slices"

	"enishi.dev/enishi/aws/awserr"
	wire "enishi.dev/enishi/aws/wire/ec2"
	"enishi.dev/enishi/control/api"
	"enishi.dev/enishi/vpc"
)

func (s *Server) endpointSpec(c *api.Call, in *wire.CreateVpcEndpointInput) (spec vpc.EndpointSpec, err error) {
	spec = vpc.EndpointSpec{
		Owner: vpc.Meta{Account: c.Account, Region: c.Region}, Service: value(in.ServiceName), Region: value(in.ServiceRegion),
		Policy: in.PolicyDocument, PrivateDNS: in.PrivateDnsEnabled, AddressType: string(in.IpAddressType),
	}
	if spec.ClientToken, err = clientToken(in.ClientToken); err != nil {
		return spec, err
	}
	if _, err := required("ServiceName", in.ServiceName); err != nil {
		return spec, err
	}
	if spec.Type, err = vpc.ParseEndpointType(string(in.VpcEndpointType)); err != nil {
		return spec, err
	}
	if in.DnsOptions != nil {
		if err := api.Only(in.DnsOptions, "DnsRecordIpType"); err != nil {
			return spec, err
		}
		spec.RecordType = string(in.DnsOptions.DnsRecordIpType)
	}
	if spec.Owner.Tags, err = s.tagsFor("vpc-endpoint", in.TagSpecifications); err != nil {
		return spec, err
	}
	if spec.Subnets, err = ids[vpc.SubnetID](vpc.EndpointSubnetIDs, in.SubnetIds); err != nil {
		return spec, err
	}
	if spec.Groups, err = ids[vpc.SecurityGroupID](vpc.EndpointGroupIDs, in.SecurityGroupIds); err != nil {
		return spec, err
	}
	if spec.Tables, err = ids[vpc.RouteTableID](vpc.EndpointTableIDs, in.RouteTableIds); err != nil {
		return spec, err
	}
	if spec.Addresses, err = chosenAddresses(in.SubnetConfigurations); err != nil {
		return spec, err
	}
	for _, sc := range in.SubnetConfigurations { // what only they name is one of the endpoint's subnets too
		if id := vpc.SubnetID(*sc.SubnetId); !slices.Contains(spec.Subnets, id) {
			spec.Subnets = append(spec.Subnets, id)
		}
	}
	return spec, nil
}

// ids parses a list of ids of one kind.
func ids[T ~string](kind vpc.IDKind, list []string) ([]T, error) {
	var out []T
	for _, s := range list {
		id, err := vpc.ParseID[T](kind, s)
		if err != nil {
			return nil, err
		}
		out = append(out, id)
	}
	return out, nil
}

// chosenAddresses reads subnet configurations: the addresses that interfaces are
// to have, by subnet.
func chosenAddresses(configs []wire.SubnetConfiguration) (map[vpc.SubnetID]string, error) {
	chosen := map[vpc.SubnetID]string{}
	for _, sc := range configs {
		if err := api.Only(&sc, "SubnetId", "Ipv4"); err != nil {
			return nil, err
		}
		s, err := required("SubnetId", sc.SubnetId)
		if err != nil {
			return nil, err
		}
		id, err := vpc.ParseID[vpc.SubnetID](vpc.EndpointSubnetIDs, s)
		if err != nil {
			return nil, err
		}
		if _, ok := chosen[id]; ok {
			return nil, awserr.New("InvalidParameter", "The subnet ID '%s' is configured more than once.", id)
		}
		if chosen[id], err = required("Ipv4", sc.Ipv4); err != nil {
			return nil, err
		}
	}
	return chosen, nil
}
