package org.nbdrunner.handler.azblk.internal;

import java.io.IOException;
import java.io.StringReader;
import java.util.ArrayList;
import java.util.List;
import javax.xml.stream.XMLInputFactory;
import javax.xml.stream.XMLStreamConstants;
import javax.xml.stream.XMLStreamException;
import javax.xml.stream.XMLStreamReader;
import org.nbdrunner.api.handler.IoRequest;

/**
 * Which pages hold data.
 *
 * @see <a href="https://learn.microsoft.com/rest/api/storageservices/get-page-ranges">Get Page Ranges</a>
 */
final class PageRanges {
    private final List<Range> ranges = new ArrayList<>();

    private record Range(long start, long end) {}

    /**
     * Reads an answer.
     *
     * @throws IOException if it cannot be understood
     */
    static PageRanges parse(String xml) throws IOException {
        XMLInputFactory factory = XMLInputFactory.newFactory();
        factory.setProperty(XMLInputFactory.SUPPORT_DTD, false);
        factory.setProperty(XMLInputFactory.IS_SUPPORTING_EXTERNAL_ENTITIES, false);
        PageRanges found = new PageRanges();
        try {
            XMLStreamReader reader = factory.createXMLStreamReader(new StringReader(xml));
            long start = -1;
            while (reader.hasNext()) {
                if (reader.next() != XMLStreamConstants.START_ELEMENT) {
                    continue;
                }
                if (reader.getLocalName().equals("Start")) {
                    start = Long.parseLong(reader.getElementText().strip());
                } else if (reader.getLocalName().equals("End")) {
                    found.add(start, Long.parseLong(reader.getElementText().strip()) + 1);
                }
            }
        } catch (XMLStreamException | NumberFormatException e) {
            throw new IOException("the list of pages cannot be understood", e);
        }
        return found;
    }

    private void add(long start, long end) throws IOException {
        long before = ranges.isEmpty() ? 0 : ranges.get(ranges.size() - 1).end();
        if (start < before || end <= start) {
            throw new IOException("the list of pages is out of order");
        }
        ranges.add(new Range(start, end));
    }

    /** How many there are. */
    int count() {
        return ranges.size();
    }

    /** Tells what of a range is data, and what is not there and reads as zeroes. */
    void tell(IoRequest request, long offset, long length) {
        long at = offset;
        long end = offset + length;
        for (Range r : ranges) {
            long from = Math.max(at, r.start());
            long to = Math.min(end, r.end());
            if (from >= to) {
                continue;
            }
            if (from > at && !request.extent(from - at, true, true)) {
                return;
            }
            if (!request.extent(to - from, false, false)) {
                return;
            }
            at = to;
        }
        if (at < end) {
            request.extent(end - at, true, true);
        }
    }
}
