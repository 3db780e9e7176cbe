import java.io.File;
import java.util.Set;
import java.util.TreeSet;
import java.util.logging.Level;
import java.util.logging.Logger;
import org.apache.pdfbox.preflight.PreflightDocument;
import org.apache.pdfbox.preflight.ValidationResult;
import org.apache.pdfbox.preflight.ValidationResult.ValidationError;
import org.apache.pdfbox.preflight.exception.SyntaxValidationException;
import org.apache.pdfbox.preflight.parser.PreflightParser;

/** What Apache PDFBox's Preflight finds against PDF/A-1b: a line for each file, its name and the codes of its errors. */
public class Preflight {
    public static void main(String[] files) {
        Logger.getLogger("").setLevel(Level.OFF);
        for (String file : files) {
            System.out.println(file + "\t" + String.join(" ", errors(file)));
        }
    }

    private static Set<String> errors(String file) {
        Set<String> found = new TreeSet<>();
        try {
            for (ValidationError error : judged(file).getErrorsList()) {
                found.add(error.getErrorCode());
            }
        } catch (Exception | StackOverflowError unreadable) {
            found.add(unreadable.getClass().getSimpleName());
        }
        return found;
    }

    private static ValidationResult judged(String file) throws Exception {
        PreflightParser parser = new PreflightParser(new File(file));
        try {
            parser.parse();
        } catch (SyntaxValidationException error) {
            return error.getResult();
        }
        try (PreflightDocument document = parser.getPreflightDocument()) {
            document.validate();
            return document.getResult();
        }
    }
}
