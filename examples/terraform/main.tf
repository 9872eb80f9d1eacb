# A private and a public subnet, an interface endpoint to the EC2 API, and an instance in the
# private subnet that reaches the API through it. `make terraform` applies it; by hand:
#
#   enishi up --ephemeral &
#   eval "$(enishi env)"
#   terraform init && terraform apply

terraform {
  required_providers {
    aws = { source = "hashicorp/aws" }
  }
}

variable "https" {
  description = "Whether the endpoint's group lets HTTPS in from the VPC."
  default     = true
}

variable "instance_type" {
  default = "t3.micro"
}

# Region, credentials, endpoint and CA come from the environment.
provider "aws" {
  default_tags {
    tags = { Project = "enishi" }
  }
}

data "aws_region" "here" {}

data "aws_availability_zones" "here" {
  state = "available"
}

data "aws_ami" "any" {
  owners      = ["amazon"]
  most_recent = true
}

resource "aws_vpc" "main" {
  cidr_block           = "10.0.0.0/16"
  enable_dns_hostnames = true
  tags                 = { Name = "main" }
}

resource "aws_subnet" "private" {
  count             = 2
  vpc_id            = aws_vpc.main.id
  cidr_block        = cidrsubnet(aws_vpc.main.cidr_block, 8, count.index)
  availability_zone = data.aws_availability_zones.here.names[count.index]
  tags              = { Name = "private-${count.index}" }
}

resource "aws_route_table" "private" {
  vpc_id = aws_vpc.main.id
}

resource "aws_route_table_association" "private" {
  count          = 2
  subnet_id      = aws_subnet.private[count.index].id
  route_table_id = aws_route_table.private.id
}

resource "aws_internet_gateway" "main" {
  vpc_id = aws_vpc.main.id
}

resource "aws_subnet" "public" {
  vpc_id                  = aws_vpc.main.id
  cidr_block              = "10.0.100.0/24"
  map_public_ip_on_launch = true
}

resource "aws_route_table" "public" {
  vpc_id = aws_vpc.main.id
  route {
    cidr_block = "0.0.0.0/0"
    gateway_id = aws_internet_gateway.main.id
  }
}

resource "aws_route_table_association" "public" {
  subnet_id      = aws_subnet.public.id
  route_table_id = aws_route_table.public.id
}

resource "aws_security_group" "endpoint" {
  name        = "endpoint"
  description = "what may reach the endpoint"
  vpc_id      = aws_vpc.main.id
}

resource "aws_vpc_security_group_ingress_rule" "https" {
  count             = var.https ? 1 : 0
  security_group_id = aws_security_group.endpoint.id
  cidr_ipv4         = aws_vpc.main.cidr_block
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
  description       = "HTTPS from the VPC"
}

resource "aws_security_group" "instance" {
  name_prefix = "instance-"
  vpc_id      = aws_vpc.main.id
  egress {
    protocol    = "-1"
    from_port   = 0
    to_port     = 0
    cidr_blocks = ["0.0.0.0/0"]
  }
}

resource "aws_default_security_group" "main" {
  vpc_id = aws_vpc.main.id # without a rule
}

resource "aws_vpc_endpoint" "ec2" {
  vpc_id              = aws_vpc.main.id
  service_name        = "com.amazonaws.${data.aws_region.here.region}.ec2"
  vpc_endpoint_type   = "Interface"
  subnet_ids          = aws_subnet.private[*].id
  security_group_ids  = [aws_security_group.endpoint.id]
  private_dns_enabled = true
  tags                = { Name = "ec2" }
}

resource "aws_instance" "private" {
  ami                    = data.aws_ami.any.id
  instance_type          = var.instance_type
  subnet_id              = aws_subnet.private[0].id
  vpc_security_group_ids = [aws_security_group.instance.id]
  user_data              = <<-EOT
    #!/bin/sh
    echo ready
  EOT
  metadata_options {
    http_tokens = "required"
  }
  tags = { Name = "private" }
}

output "instance" {
  value = aws_instance.private.id
}

output "endpoint" {
  value = aws_vpc_endpoint.ec2.dns_entry
}
