"""What is said of a certificate that was refused; connectors' own tests meet those of other names and authorities."""

import ssl

from firn_runtime.connectors.http.certificates import untrusted


def test_a_certificate_out_of_its_time_is_told() -> None:
    error = ssl.SSLCertVerificationError("certificate has expired")
    error.verify_code, error.verify_message = 10, "certificate has expired"
    told = untrusted(error, "`db.example.com`, port 5432", "ssl_ca")
    assert told.message == "the certificate of `db.example.com`, port 5432 is not valid now"
    assert "clock" in told.help


def test_a_certificate_that_lacks_what_python_asks_for_is_told() -> None:
    error = ssl.SSLCertVerificationError("certificate verify failed")
    error.verify_code, error.verify_message = 85, "Missing Authority Key Identifier"
    told = untrusted(error, "`db.example.com`, port 5432", "ssl_ca")
    assert told.message.endswith("is not as RFC 5280 wants it: missing authority key identifier")
    assert "3.13" in told.help
