// SPDX-License-Identifier: Apache-2.0

package ec2

import (
	"enishi.dev/enishi/control/api"
)

// actions is the whole EC2 surface: what IAM calls an action, who carries it
// out, and what it is about (nothing named: everything, as for every Describe).
func (s *Server) actions() map[string]api.Action {
	return map[string]api.Action{
		"AssociateRouteTable":           api.Handle("ec2:AssociateRouteTable", s.associateRouteTable, api.On("route-table", "RouteTableId"), api.On("subnet", "SubnetId")),
		"AuthorizeSecurityGroupEgress":  api.Handle("ec2:AuthorizeSecurityGroupEgress", s.authorizeEgress, api.On("security-group", "GroupId")),
		"AuthorizeSecurityGroupIngress": api.Handle("ec2:AuthorizeSecurityGroupIngress", s.authorizeIngress, api.On("security-group", "GroupId")),
		"CreateRoute":                   api.Handle("ec2:CreateRoute", s.createRoute, api.On("route-table", "RouteTableId")),
		"CreateRouteTable":              api.Handle("ec2:CreateRouteTable", s.createRouteTable, api.New("route-table"), api.On("vpc", "VpcId")),
		"CreateSecurityGroup":           api.Handle("ec2:CreateSecurityGroup", s.createSecurityGroup, api.New("security-group"), api.On("vpc", "VpcId")),
		"CreateSubnet":                  api.Handle("ec2:CreateSubnet", s.createSubnet, api.New("subnet"), api.On("vpc", "VpcId")),
		"CreateTags":                    api.Handle("ec2:CreateTags", s.createTags, api.On("*", "Resources")),
		"CreateVpc":                     api.Handle("ec2:CreateVpc", s.createVPC, api.New("vpc")),
		"CreateVpcEndpoint":             api.Handle("ec2:CreateVpcEndpoint", s.createVPCEndpoint, api.New("vpc-endpoint"), api.On("vpc", "VpcId")),
		"DeleteRoute":                   api.Handle("ec2:DeleteRoute", s.deleteRoute, api.On("route-table", "RouteTableId")),
		"DeleteRouteTable":              api.Handle("ec2:DeleteRouteTable", s.deleteRouteTable, api.On("route-table", "RouteTableId")),
		"DeleteSecurityGroup":           api.Handle("ec2:DeleteSecurityGroup", s.deleteSecurityGroup, api.On("security-group", "GroupId")),
		"DeleteSubnet":                  api.Handle("ec2:DeleteSubnet", s.deleteSubnet, api.On("subnet", "SubnetId")),
		"DeleteTags":                    api.Handle("ec2:DeleteTags", s.deleteTags, api.On("*", "Resources")),
		"DeleteVpc":                     api.Handle("ec2:DeleteVpc", s.deleteVPC, api.On("vpc", "VpcId")),
		"DeleteVpcEndpoints":            api.Handle("ec2:DeleteVpcEndpoints", s.deleteVPCEndpoints, api.On("vpc-endpoint", "VpcEndpointIds")),
		"DescribeAvailabilityZones":     api.Handle("ec2:DescribeAvailabilityZones", s.describeAvailabilityZones),
		"DescribeInstanceAttribute":     api.Handle("ec2:DescribeInstanceAttribute", s.describeInstanceAttribute, api.On("instance", "InstanceId")),
		"DescribeInstanceStatus":        api.Handle("ec2:DescribeInstanceStatus", s.describeInstanceStatus),
		"DescribeInstances":             api.Handle("ec2:DescribeInstances", s.describeInstances),
		"DescribeNetworkInterfaces":     api.Handle("ec2:DescribeNetworkInterfaces", s.describeNetworkInterfaces),
		"DescribeRegions":               api.Handle("ec2:DescribeRegions", s.describeRegions),
		"DescribeRouteTables":           api.Handle("ec2:DescribeRouteTables", s.describeRouteTables),
		"DescribeSecurityGroupRules":    api.Handle("ec2:DescribeSecurityGroupRules", s.describeSecurityGroupRules),
		"DescribeSecurityGroups":        api.Handle("ec2:DescribeSecurityGroups", s.describeSecurityGroups),
		"DescribeSubnets":               api.Handle("ec2:DescribeSubnets", s.describeSubnets),
		"DescribeTags":                  api.Handle("ec2:DescribeTags", s.describeTags),
		"DescribeVpcAttribute":          api.Handle("ec2:DescribeVpcAttribute", s.describeVPCAttribute, api.On("vpc", "VpcId")),
		"DescribeVpcEndpointServices":   api.Handle("ec2:DescribeVpcEndpointServices", s.describeVPCEndpointServices),
		"DescribeVpcEndpoints":          api.Handle("ec2:DescribeVpcEndpoints", s.describeVPCEndpoints),
		"DescribeVpcs":                  api.Handle("ec2:DescribeVpcs", s.describeVPCs),
		"DisassociateRouteTable":        api.Handle("ec2:DisassociateRouteTable", s.disassociateRouteTable),
		"GetConsoleOutput":              api.Handle("ec2:GetConsoleOutput", s.getConsoleOutput, api.On("instance", "InstanceId")),
		"ModifyInstanceAttribute":       api.Handle("ec2:ModifyInstanceAttribute", s.modifyInstanceAttribute, api.On("instance", "InstanceId")),
		"ModifyInstanceMetadataOptions": api.Handle("ec2:ModifyInstanceMetadataOptions", s.modifyInstanceMetadataOptions, api.On("instance", "InstanceId")),
		"ModifySubnetAttribute":         api.Handle("ec2:ModifySubnetAttribute", s.modifySubnetAttribute, api.On("subnet", "SubnetId")),
		"ModifyVpcAttribute":            api.Handle("ec2:ModifyVpcAttribute", s.modifyVPCAttribute, api.On("vpc", "VpcId")),
		"ModifyVpcEndpoint":             api.Handle("ec2:ModifyVpcEndpoint", s.modifyVPCEndpoint, api.On("vpc-endpoint", "VpcEndpointId")),
		"RebootInstances":               api.Handle("ec2:RebootInstances", s.rebootInstances, api.On("instance", "InstanceIds")),
		"RevokeSecurityGroupEgress":     api.Handle("ec2:RevokeSecurityGroupEgress", s.revokeEgress, api.On("security-group", "GroupId")),
		"RevokeSecurityGroupIngress":    api.Handle("ec2:RevokeSecurityGroupIngress", s.revokeIngress, api.On("security-group", "GroupId")),
		"RunInstances":                  api.Handle("ec2:RunInstances", s.runInstances, api.New("instance"), api.On("subnet", "SubnetId")),
		"StartInstances":                api.Handle("ec2:StartInstances", s.startInstances, api.On("instance", "InstanceIds")),
		"StopInstances":                 api.Handle("ec2:StopInstances", s.stopInstances, api.On("instance", "InstanceIds")),
		"TerminateInstances":            api.Handle("ec2:TerminateInstances", s.terminateInstances, api.On("instance", "InstanceIds")),
	}
}
