import java.io.File;
import java.io.FileInputStream;
import java.nio.file.Files;
import java.security.MessageDigest;
import java.security.Security;
import java.security.cert.CertPath;
import java.security.cert.CertPathValidator;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;
import java.security.cert.PKIXParameters;
import java.security.cert.TrustAnchor;
import java.security.cert.X509Certificate;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.HexFormat;
import java.util.List;
import java.util.Set;
import java.util.logging.Level;
import java.util.logging.Logger;
import org.apache.pdfbox.cos.COSDictionary;
import org.apache.pdfbox.cos.COSName;
import org.apache.pdfbox.pdmodel.PDDocument;
import org.apache.pdfbox.pdmodel.interactive.digitalsignature.PDSignature;
import org.bouncycastle.asn1.cms.Attribute;
import org.bouncycastle.asn1.ess.SigningCertificateV2;
import org.bouncycastle.asn1.pkcs.PKCSObjectIdentifiers;
import org.bouncycastle.cert.X509CertificateHolder;
import org.bouncycastle.cert.jcajce.JcaX509CertificateConverter;
import org.bouncycastle.cms.CMSProcessableByteArray;
import org.bouncycastle.cms.CMSSignedData;
import org.bouncycastle.cms.SignerInformation;
import org.bouncycastle.cms.jcajce.JcaSimpleSignerInfoVerifierBuilder;
import org.bouncycastle.jce.provider.BouncyCastleProvider;

/**
 * Whether each file carries one certifying PAdES signature over all of it: by Apache PDFBox, Bouncy Castle and Java's
 * own PKIX, which share no code with what made it. The first argument is the trusted certificate, as PEM. A line for
 * each file: its name, and what is wrong with it, or nothing.
 */
public class SealVerifier {
    private static final int DIGITAL_SIGNATURE = 0, NON_REPUDIATION = 1;

    public static void main(String[] arguments) throws Exception {
        Logger.getLogger("").setLevel(Level.OFF);
        Security.addProvider(new BouncyCastleProvider());
        X509Certificate trusted;
        try (FileInputStream pem = new FileInputStream(arguments[0])) {
            trusted = (X509Certificate) CertificateFactory.getInstance("X.509").generateCertificate(pem);
        }
        for (String file : Arrays.copyOfRange(arguments, 1, arguments.length)) {
            System.out.println(file + "\t" + String.join("; ", wrong(new File(file), trusted)));
        }
    }

    private static List<String> wrong(File file, X509Certificate trusted) {
        List<String> found = new ArrayList<>();
        try (PDDocument document = PDDocument.load(file)) {
            byte[] whole = Files.readAllBytes(file.toPath());
            List<PDSignature> signatures = document.getSignatureDictionaries();
            if (signatures.size() != 1) {
                return List.of(signatures.size() + " signatures");
            }
            PDSignature signature = signatures.get(0);
            if (!"ETSI.CAdES.detached".equals(signature.getSubFilter())) {
                found.add("not PAdES");
            }
            if (!coversAll(signature, whole)) {
                found.add("does not cover all of the file but itself");
            }
            if (!certifies(document, signature)) {
                found.add("does not forbid changes");
            }
            checkSigner(signature, whole, trusted, found);
        } catch (Exception error) {
            found.add(error.toString());
        }
        return found;
    }

    /** What the ByteRange leaves out is the hexadecimal string of /Contents, and nothing else (ISO 32000-2 12.8.1). */
    private static boolean coversAll(PDSignature signature, byte[] whole) throws Exception {
        int[] range = signature.getByteRange();
        if (range.length != 4 || range[0] != 0 || range[2] + range[3] != whole.length) {
            return false;
        }
        String gap = new String(whole, range[1], range[2] - range[1], "ISO-8859-1");
        String contents = HexFormat.of().formatHex(signature.getContents());
        return gap.equals("<" + contents + ">");
    }

    /** DocMDP with P 1, entered in the catalog (ISO 32000-2 12.8.2.2, 12.8.6). */
    private static boolean certifies(PDDocument document, PDSignature signature) {
        COSDictionary permissions = document.getDocumentCatalog().getCOSObject().getCOSDictionary(COSName.getPDFName("Perms"));
        if (permissions == null || permissions.getDictionaryObject(COSName.DOCMDP) != signature.getCOSObject()) {
            return false;
        }
        COSDictionary reference = (COSDictionary) signature.getCOSObject().getCOSArray(COSName.getPDFName("Reference")).getObject(0);
        COSDictionary parameters = reference.getCOSDictionary(COSName.getPDFName("TransformParams"));
        return reference.getCOSName(COSName.getPDFName("TransformMethod")).equals(COSName.DOCMDP)
                && parameters.getInt(COSName.P) == 1;
    }

    @SuppressWarnings("unchecked")
    private static void checkSigner(PDSignature signature, byte[] whole, X509Certificate trusted, List<String> found)
            throws Exception {
        byte[] signed = signature.getSignedContent(whole);
        CMSSignedData cms = new CMSSignedData(new CMSProcessableByteArray(signed), signature.getContents(whole));
        Collection<SignerInformation> signers = cms.getSignerInfos().getSigners();
        if (signers.size() != 1) {
            found.add(signers.size() + " signers");
            return;
        }
        SignerInformation signer = signers.iterator().next();
        Collection<X509CertificateHolder> own = cms.getCertificates().getMatches(signer.getSID());
        X509CertificateHolder holder = own.iterator().next();
        if (!signer.verify(new JcaSimpleSignerInfoVerifierBuilder().setProvider("BC").build(holder))) {
            found.add("the signature is not of these bytes");
        }
        if (!namesItsCertificate(signer, holder)) {
            found.add("the signed attributes name another certificate");
        }
        checkPath(cms, holder, trusted, found);
    }

    /** The attribute signing-certificate-v2 (RFC 5035), which PAdES asks for; SHA-256 is its default. */
    private static boolean namesItsCertificate(SignerInformation signer, X509CertificateHolder holder) throws Exception {
        Attribute named = signer.getSignedAttributes().get(PKCSObjectIdentifiers.id_aa_signingCertificateV2);
        SigningCertificateV2 value = SigningCertificateV2.getInstance(named.getAttrValues().getObjectAt(0));
        byte[] hash = MessageDigest.getInstance("SHA-256").digest(holder.getEncoded());
        return MessageDigest.isEqual(hash, value.getCerts()[0].getCertHash());
    }

    @SuppressWarnings("unchecked")
    private static void checkPath(
            CMSSignedData cms, X509CertificateHolder holder, X509Certificate trusted, List<String> found)
            throws Exception {
        X509Certificate leaf = new JcaX509CertificateConverter().getCertificate(holder);
        boolean[] usage = leaf.getKeyUsage();
        if (usage == null || !(usage[DIGITAL_SIGNATURE] || usage[NON_REPUDIATION])) {
            found.add("the certificate is not for signatures");
        }
        List<Certificate> chain = new ArrayList<>(List.of(leaf));
        for (X509CertificateHolder each : cms.getCertificates().getMatches(null)) {
            X509Certificate issuer = new JcaX509CertificateConverter().getCertificate(each);
            if (!issuer.equals(leaf) && !issuer.equals(trusted)) {
                chain.add(issuer);
            }
        }
        CertPath path = CertificateFactory.getInstance("X.509").generateCertPath(chain);
        PKIXParameters parameters = new PKIXParameters(Set.of(new TrustAnchor(trusted, null)));
        parameters.setRevocationEnabled(false);
        CertPathValidator.getInstance("PKIX").validate(path, parameters);
    }
}
