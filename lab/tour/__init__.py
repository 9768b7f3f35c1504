"""The guided tour: the chapters of docs/tour/, played step by step against the running stack."""
