"""The lab's mailbox: an SMTP server that keeps each message, and shows it instead of delivering it.

    smtp      receives messages (SMTP, RFC 5321), in the process of the collector
    envelope  sender and recipients of a message, as header fields at its beginning
    mailbox   keeps the newest messages as files
    message   a message as JSON
    header    the text of a header field
    text      the text of an HTML part, and the links in a text
    web       the JSON API below /lab/api/mail
    client    reads that API
    command   `lab mail`
    output    messages on a terminal

A message is untrusted input: any program on this machine can send any bytes.
"""
